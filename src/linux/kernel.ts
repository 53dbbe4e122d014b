import { darwin } from '../abi/index.js';
import { bindLibc, type Libc } from '../ffi/index.js';
import {
  type Kernel,
  type KeventMemory,
  layoutOf,
  POLL,
  type RefusedChange,
  type TimespecMemory,
  wordsOf,
} from '../memory/index.js';
import { BlockingWait } from './blocking-wait.js';
import { timeoutOf } from './clock.js';
import { CLOEXEC, D, DE } from './constants.js';
import { DescriptorReader } from './descriptor-reader.js';
import { Epoll } from './epoll.js';
import { lastErrno } from './errno.js';
import type { Filter } from './filters/filter.js';
import { MountFilter } from './filters/fs.js';
import { ProcFilter } from './filters/proc.js';
import { ReadFilter } from './filters/read.js';
import { SignalFilter } from './filters/signal.js';
import { TimerFilter } from './filters/timer.js';
import { userFilter } from './filters/user.js';
import { vnodeFilter } from './filters/vnode.js';
import { WriteFilter } from './filters/write.js';
import { Identity } from './identity.js';
import { inotifyReason } from './inotify-limits.js';
import { Probe } from './probe.js';
import { MOVED, Queue } from './queue.js';
import { QueueDescriptors } from './queue-descriptors.js';
import { newToken, openEventfd } from './ready-flag.js';
import { refuseExcept, refuseRead } from './refusal.js';
import { UnixDiag } from './unix-diag.js';
import { pathOf } from './vnode-hints.js';
import { Wakers } from './wakers.js';

/**
 * The maximum number of times that one call follows a descriptor to another
 * queue.
 */
const MAX_MOVES = 4;

/**
 * Flags of kevent64 that are reserved for Darwin's kernel and libraries:
 * EINVAL.
 */
const PRIVATE_FLAGS64 = 0x400 | 0x20000 | 0x40000;

/** A promise allocates less than queueMicrotask does. */
const settled = Promise.resolve();

/**
 * The kqueue over epoll: all queues of this thread, and what they share. Each
 * worker thread has its own kernel, which knows only its own queues.
 */
export class LinuxKernel implements Kernel {
  readonly facts = darwin;
  readonly words = wordsOf(layoutOf(darwin, 'x64', 'kevent'));
  readonly words64 = wordsOf(layoutOf(darwin, 'x64', 'kevent64_s'));
  readonly width = { wideSec: true, wideNsec: true };
  readonly libc: Libc;
  readonly epoll: Epoll;
  readonly probe: Probe;
  readonly diag: UnixDiag;
  readonly identity: Identity;
  readonly queues: QueueDescriptors;
  readonly descriptors: DescriptorReader;
  readonly blocking: BlockingWait;
  readonly wakers = new Wakers();
  readonly filters: readonly (Filter | undefined)[];
  /** The first of a linked list of the queues that {@link sync} must visit. */
  #unsynced: Queue | null = null;
  /** Queues with a timerfd that fires before any timer. */
  readonly #unarmed = new Set<Queue>();
  /**
   * The descriptor that inotify refused in the last call; -1 if there was none.
   */
  refusedByInotify = -1;
  /** The queue of the current call, which has checked its descriptor. */
  current: Queue | null = null;
  #serial = 0;
  #errno = 0;

  constructor(libc: Libc) {
    this.libc = libc;
    this.epoll = new Epoll(libc);
    this.probe = new Probe(libc);
    this.identity = new Identity(libc, this.epoll, this.probe);
    this.queues = new QueueDescriptors(libc, this.epoll, this.identity);
    this.descriptors = new DescriptorReader(libc, this.probe, this.queues);
    this.blocking = new BlockingWait(libc, this.epoll);
    this.diag = new UnixDiag(libc);
    const filters: (Filter | undefined)[] = [];
    filters[-D.EVFILT_READ] = new ReadFilter(this.probe, this.diag, refuseRead);
    filters[-D.EVFILT_EXCEPT] = new ReadFilter(
      this.probe,
      this.diag,
      refuseExcept,
    );
    filters[-D.EVFILT_VNODE] = vnodeFilter;
    filters[-D.EVFILT_PROC] = new ProcFilter(libc, this.probe);
    filters[-D.EVFILT_SIGNAL] = new SignalFilter(libc, () => this.sync());
    filters[-D.EVFILT_FS] = new MountFilter();
    filters[-D.EVFILT_WRITE] = new WriteFilter(this.probe, this.diag);
    filters[-D.EVFILT_TIMER] = new TimerFilter(libc);
    filters[-D.EVFILT_USER] = userFilter;
    this.filters = filters;
  }

  kqueue(): number {
    // Descriptors of lost queues must not become parts of the new queue.
    this.queues.dropLost();
    const { libc } = this;
    const fd = this.createEpoll();
    if (fd < 0) return this.#fail(lastErrno(libc));
    const inner = this.createEpoll();
    const token = newToken();
    const ready = inner < 0 ? -1 : openEventfd(libc, token);
    if (ready < 0) {
      const errno = lastErrno(libc);
      if (inner >= 0) libc.close(inner);
      libc.close(fd);
      return this.#fail(errno);
    }
    const queue = new Queue(this, fd, inner, ready, token);
    this.own(fd, queue);
    queue.epolls.marks.own = this.identity.markQueue(fd);
    this.own(ready, queue.readyFlag);
    if (queue.connect() < 0) {
      const errno = lastErrno(libc);
      queue.epolls.release('inner');
      this.identity.releaseMark(queue.epolls.marks.own);
      this.identity.release(ready, queue.readyFlag);
      this.identity.release(fd, queue);
      for (const part of [inner, ready, fd]) libc.close(part);
      return this.#fail(errno);
    }
    this.queues.add(queue);
    return fd;
  }

  kevent(
    kq: number,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    timeout: TimespecMemory | null,
    id?: number | undefined,
  ): number {
    return this.#call(
      'kevent',
      kq,
      changes,
      nchanges,
      events,
      nevents,
      timeout,
      false,
      id,
    );
  }

  queueId(kq: number): number | undefined {
    return this.queueOf(kq)?.token;
  }

  kevent64(
    kq: number,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    flags: number,
    timeout: TimespecMemory | null,
  ): number {
    if ((flags & PRIVATE_FLAGS64) !== 0) return this.#fail(DE.EINVAL);
    const limit = (flags & D.KEVENT_FLAG_IMMEDIATE) !== 0 ? POLL : timeout;
    const onlyErrors = (flags & D.KEVENT_FLAG_ERROR_EVENTS) !== 0;
    return this.#call(
      'kevent64',
      kq,
      changes,
      nchanges,
      events,
      nevents,
      limit,
      onlyErrors,
    );
  }

  #call(
    call: 'kevent' | 'kevent64',
    kq: number,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    timeout: TimespecMemory | null,
    onlyErrors: boolean,
    id?: number | undefined,
  ): number {
    if (timeoutOf(timeout) < 0) return this.#fail(DE.EINVAL);
    let queue = this.queueOf(kq);
    // A queue that cannot be checked would seem to move each time.
    for (let moves = 0; queue !== undefined && moves < MAX_MOVES; moves++) {
      if (id !== undefined && queue.token !== id) break;
      if (!queue.speaks(call)) return this.#fail(DE.EINVAL);
      this.refusedByInotify = -1;
      this.current = queue;
      try {
        const count = queue.kevent(
          changes,
          nchanges,
          events,
          nevents,
          timeout,
          onlyErrors,
        );
        if (count !== MOVED) return count >= 0 ? count : this.#fail(-count);
      } finally {
        this.current = null;
      }
      // Another queue may have its descriptor now.
      queue = this.queues.identify(kq);
    }
    return this.#fail(DE.EBADF);
  }

  close(fd: number): number {
    for (const queue of this.queues.all()) queue.closeDescriptor(fd);
    this.sync();
    const errno = this.queues.close(fd);
    return errno === 0 ? 0 : this.#fail(errno);
  }

  openWaker(kq: number, words: Int32Array): number {
    const queue = this.queueOf(kq);
    const errno =
      queue === undefined ? DE.EBADF : this.wakers.open(queue, words);
    this.sync();
    return errno === 0 ? 0 : this.#fail(errno);
  }

  closeWaker(kq: number, words: Int32Array): void {
    const queue = this.queueOf(kq);
    if (queue !== undefined) this.wakers.close(queue, words);
  }

  errno(): number {
    return this.#errno;
  }

  reason(errno: number, change?: RefusedChange): string | undefined {
    if (change === undefined) {
      const fd = this.refusedByInotify;
      return fd < 0 ? undefined : inotifyReason(errno, fd);
    }
    return this.filters[-change.filter]?.reason?.(errno, Number(change.ident));
  }

  whyNoQueue(fd: number): string | undefined {
    if (this.queues.identify(fd) !== undefined) return undefined;
    if (pathOf(fd) !== 'anon_inode:[eventpoll]') return undefined;
    return `descriptor ${fd} is no queue of this thread; a queue belongs to the thread, and the copy of kqueue-ffi, that made it`;
  }

  #fail(errno: number): number {
    this.#errno = errno;
    return -1;
  }

  /** The queue of a descriptor: its own, or a duplicate of it. */
  queueOf(fd: number): Queue | undefined {
    return this.queues.find(fd);
  }

  /** A descriptor was opened for a part of a queue. */
  own(fd: number, holder: object): void {
    this.identity.hold(fd, holder);
    this.queues.dropStale(fd);
  }

  createEpoll(): number {
    return this.libc.epollCreate(CLOEXEC);
  }

  nextSerial(): number {
    return ++this.#serial;
  }

  /** The pending events or timers of a queue changed: {@link sync} it later. */
  scheduleSync(queue: Queue): void {
    if (queue.isUnsynced) return;
    queue.isUnsynced = true;
    queue.nextUnsynced = this.#unsynced;
    this.#unsynced = queue;
  }

  /** Set the timers of a queue at the end of the turn, or before a wait. */
  armLater(queue: Queue): void {
    if (this.#unarmed.size === 0) settled.then(() => this.armAll());
    this.#unarmed.add(queue);
  }

  armAll(): void {
    for (const queue of this.#unarmed) {
      if (!queue.closed) queue.timers.armNow();
    }
    this.#unarmed.clear();
  }

  /** Update the state of the queues that is visible from outside. */
  sync(): void {
    for (let queue = this.#unsynced; queue !== null; queue = this.#unsynced) {
      this.#unsynced = queue.nextUnsynced;
      queue.sync();
    }
  }
}

/**
 * The kqueue built into this library, over epoll.
 *
 * @throws {KqueueError} `ERR_KQUEUE_LOAD` if the C library lacks a function.
 */
export const createLinuxKernel = (libc: Libc = bindLibc()): Kernel =>
  new LinuxKernel(libc);
