import { readdirSync } from 'node:fs';
import { darwin } from '../abi/index.js';
import {
  bindLibc,
  isMainThread,
  type Libc,
  nativeBlock,
} from '../ffi/index.js';
import {
  type Kernel,
  type KeventMemory,
  layoutOf,
  POLL,
  type TimespecMemory,
  wordsOf,
} from '../memory/index.js';
import {
  CLOCK_MONOTONIC,
  nanoseconds,
  timeoutOf,
  writeTimespec,
} from './clock.js';
import {
  CLOEXEC,
  D,
  DE,
  EPOLLIN,
  LINUX_ENOENT,
  NONBLOCK,
} from './constants.js';
import type { Descriptor, Kind } from './descriptor.js';
import { Epoll } from './epoll.js';
import type { Filter } from './filters/filter.js';
import { MountFilter } from './filters/fs.js';
import { ProcFilter } from './filters/proc.js';
import { ReadFilter } from './filters/read.js';
import { SignalFilter } from './filters/signal.js';
import { TimerFilter } from './filters/timer.js';
import { userFilter } from './filters/user.js';
import { vnodeFilter } from './filters/vnode.js';
import { WriteFilter } from './filters/write.js';
import { Probe, type Stat } from './probe.js';
import { failure, GONE, ONLY_ERRORS, Queue } from './queue.js';
import { refuseExcept, refuseRead } from './refusal.js';
import { UnixDiag } from './unix-diag.js';
import { pathOf } from './vnode-hints.js';

const KCMP_FILE = 0;
const KCMP_EPOLL_TFD = 7;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const O_ACCMODE = 3;
const O_WRONLY = 1;
const O_RDWR = 2;
const S_IFMT = 0xf000;

/**
 * A worker thread sleeps no longer at a time, in nanoseconds: it can be
 * terminated, and the process can exit, only between two calls.
 */
const LONGEST_SLEEP = 100e6;

/** Kinds of descriptors by the type bits of their mode. */
const KIND_OF_MODE: Readonly<Record<number, Kind>> = {
  4096: 'fifo',
  8192: 'device',
  16384: 'directory',
  24576: 'directory',
  32768: 'file',
  40960: 'directory',
  49152: 'socket',
};

/**
 * All queues of this realm and what they share. A worker thread has a kernel
 * of its own: queues are known only where they were made.
 */
export class LinuxKernel implements Kernel {
  readonly facts = darwin;
  readonly words = wordsOf(layoutOf(darwin, 'x64', 'kevent'));
  readonly words64 = wordsOf(layoutOf(darwin, 'x64', 'kevent64_s'));
  readonly width = { wideSec: true, wideNsec: true };
  readonly libc: Libc;
  readonly epoll: Epoll;
  readonly probe: Probe;
  readonly filters: readonly (Filter | undefined)[];
  /** By every number a queue is known under; dup(2) makes more than one. */
  readonly #queues = new Map<number, Queue>();
  /** The first of the queues that are to be synced. */
  #unsynced: Queue | null = null;
  readonly #timespec = nativeBlock(16);
  readonly #isMain = isMainThread();
  /** The device of the file system in which all pipes are. */
  #pipeDevice: number | undefined;
  #serial = 0;
  #errno = 0;

  constructor(libc: Libc) {
    this.libc = libc;
    this.epoll = new Epoll(libc);
    this.probe = new Probe(libc);
    const diag = new UnixDiag(this.libc);
    const filters: (Filter | undefined)[] = [];
    filters[-D.EVFILT_READ] = new ReadFilter(this.probe, diag, refuseRead);
    filters[-D.EVFILT_EXCEPT] = new ReadFilter(this.probe, diag, refuseExcept);
    filters[-D.EVFILT_VNODE] = vnodeFilter;
    filters[-D.EVFILT_PROC] = new ProcFilter(this.libc, this.probe);
    filters[-D.EVFILT_SIGNAL] = new SignalFilter(this.libc, () => this.sync());
    filters[-D.EVFILT_FS] = new MountFilter(this.libc);
    filters[-D.EVFILT_WRITE] = new WriteFilter(this.probe, diag);
    filters[-D.EVFILT_TIMER] = new TimerFilter(this.libc);
    filters[-D.EVFILT_USER] = userFilter;
    this.filters = filters;
  }

  // ---- the three calls ----------------------------------------------------

  kqueue(): number {
    const { libc } = this;
    const fd = this.createEpoll();
    if (fd < 0) return this.#failed(failure(libc));
    const inner = this.createEpoll();
    const ready = inner < 0 ? -1 : libc.eventfd(1, CLOEXEC | NONBLOCK);
    if (ready < 0) {
      const errno = failure(libc);
      if (inner >= 0) libc.close(inner);
      libc.close(fd);
      return this.#failed(errno);
    }
    // A stranger closed the queue that had the number before.
    const stale = this.#queues.get(fd);
    if (stale !== undefined) this.#forgetQueue(stale);
    const queue = new Queue(this, fd, inner, ready);
    if (queue.connect() < 0) {
      const errno = failure(libc);
      queue.dispose();
      libc.close(fd);
      return this.#failed(errno);
    }
    this.#queues.set(fd, queue);
    return fd;
  }

  kevent(
    kq: number,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    timeout: TimespecMemory | null,
  ): number {
    return this.#exchange(
      kq,
      false,
      changes,
      nchanges,
      events,
      nevents,
      timeout,
    );
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
    const limit = (flags & D.KEVENT_FLAG_IMMEDIATE) !== 0 ? POLL : timeout;
    if (timeoutOf(limit) < 0) return this.#failed(DE.EINVAL);
    const onlyErrors = (flags & D.KEVENT_FLAG_ERROR_EVENTS) !== 0;
    return this.#exchange(
      kq,
      true,
      changes,
      nchanges,
      events,
      nevents,
      onlyErrors ? ONLY_ERRORS : limit,
    );
  }

  #exchange(
    kq: number,
    wide: boolean,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    timeout: TimespecMemory | null,
  ): number {
    if (timeoutOf(timeout) < 0) return this.#failed(DE.EINVAL);
    const queue = this.queueOf(kq);
    if (queue === undefined) return this.#failed(DE.EBADF);
    // A queue speaks one of the two structs, the first it was spoken to in.
    queue.isWide ??= wide;
    if (queue.isWide !== wide) return this.#failed(DE.EINVAL);
    const count = queue.kevent(changes, nchanges, events, nevents, timeout);
    return count >= 0 ? count : this.#refused(queue, count);
  }

  #refused(queue: Queue, answer: number): number {
    if (answer !== GONE) return this.#failed(-answer);
    this.#forgetQueue(queue);
    return this.#failed(DE.EBADF);
  }

  close(fd: number): number {
    for (const queue of this.#live()) queue.forgetNumber(fd);
    this.sync();
    const queue = this.#queues.get(fd);
    const errno =
      queue === undefined ? this.#closeNumber(fd) : this.#closeQueue(fd, queue);
    return errno === 0 ? 0 : this.#failed(errno);
  }

  /** A Darwin errno. */
  #closeNumber(fd: number): number {
    return this.libc.close(fd) < 0 ? failure(this.libc) : 0;
  }

  errno(): number {
    return this.#errno;
  }

  whyNoQueue(fd: number): string | undefined {
    if (this.queueOf(fd) !== undefined) return undefined;
    if (pathOf(fd) !== 'anon_inode:[eventpoll]') return undefined;
    return `descriptor ${fd} is no queue of this thread; a queue belongs to the thread, and the copy of kqueue-ffi, that made it`;
  }

  #failed(errno: number): number {
    this.#errno = errno;
    return -1;
  }

  // ---- queues -------------------------------------------------------------

  #live(): Set<Queue> {
    return new Set(this.#queues.values());
  }

  /** The queue a number stands for: its own, or a dup of it. */
  readonly queueOf = (fd: number): Queue | undefined =>
    this.#queues.get(fd) ?? this.#queueOfDup(fd);

  #queueOfDup(fd: number): Queue | undefined {
    for (const queue of this.#live()) {
      if (this.#compare(KCMP_FILE, fd, queue.fd)) {
        this.#queues.set(fd, queue);
        return queue;
      }
    }
    return undefined;
  }

  /** Whether an epoll has more than one file by a number, or may have. */
  hasTwice(ep: number, fd: number): boolean {
    const { i32, address } = this.libc.scratch;
    i32[0] = ep;
    i32[1] = fd;
    i32[2] = 1;
    const { pid } = process;
    const compared = this.libc.kcmp(pid, pid, KCMP_EPOLL_TFD, fd, address);
    return compared >= 0 || this.libc.errno() !== LINUX_ENOENT;
  }

  #compare(type: number, fd: number, other: number): boolean {
    const { pid } = process;
    return this.libc.kcmp(pid, pid, type, fd, other) === 0;
  }

  /**
   * Close one number of a queue; with the last of them the queue ends. A
   * Darwin errno.
   */
  #closeQueue(fd: number, queue: Queue): number {
    this.#queues.delete(fd);
    const other = this.#otherNumber(queue, fd);
    if (other !== undefined) {
      queue.fd = other;
      return this.#closeNumber(fd);
    }
    // A dup nobody has used yet shows in that the file outlives its number:
    // an epoll that watches it goes on reporting it.
    const witness = this.createEpoll();
    const watches =
      witness >= 0 && this.epoll.add(witness, fd, EPOLLIN, 0, 0) >= 0;
    // Without one, every number is asked.
    const same = watches ? undefined : this.#findSame(fd);
    queue.pretendReady(true);
    const errno = this.#closeNumber(fd);
    const dup =
      watches && this.epoll.poll(witness) > 0
        ? this.#findDup(witness, fd)
        : same;
    if (witness >= 0) this.libc.close(witness);
    if (dup === undefined) {
      queue.dispose();
    } else {
      queue.fd = dup;
      this.#queues.set(dup, queue);
      queue.pretendReady(false);
    }
    return errno;
  }

  /** Another number under which a queue is known, if it still is one. */
  #otherNumber(queue: Queue, fd: number): number | undefined {
    for (const [number, known] of this.#queues) {
      if (known !== queue || number === fd) continue;
      if (this.#compare(KCMP_FILE, number, fd)) return number;
      this.#queues.delete(number);
    }
    return undefined;
  }

  /** Find another number of an open file. */
  #findSame(fd: number): number | undefined {
    for (const name of openNumbers()) {
      const number = Number(name);
      if (number !== fd && this.#compare(KCMP_FILE, number, fd)) return number;
    }
    return undefined;
  }

  /** Find the number of the file that `witness` watches as `fd`. */
  #findDup(witness: number, fd: number): number | undefined {
    const { i32, address } = this.libc.scratch;
    for (const name of openNumbers()) {
      i32[0] = witness;
      i32[1] = fd;
      i32[2] = 0;
      if (this.#compare(KCMP_EPOLL_TFD, Number(name), address)) {
        return Number(name);
      }
    }
    return undefined;
  }

  /** A queue's number turned out to be somebody else's. */
  #forgetQueue(queue: Queue): void {
    for (const [number, known] of this.#queues) {
      if (known === queue) this.#queues.delete(number);
    }
    queue.dispose();
  }

  createEpoll(): number {
    return this.libc.epollCreate(CLOEXEC);
  }

  nextSerial(): number {
    return ++this.#serial;
  }

  /** A queue's readiness or timers have changed: see to it in {@link sync}. */
  unsynced(queue: Queue): void {
    if (queue.isUnsynced) return;
    queue.isUnsynced = true;
    queue.nextUnsynced = this.#unsynced;
    this.#unsynced = queue;
  }

  sync(): void {
    for (let queue = this.#unsynced; queue !== null; queue = this.#unsynced) {
      this.#unsynced = queue.nextUnsynced;
      queue.sync();
    }
  }

  readonly clock = (): number => nanoseconds(this.libc, CLOCK_MONOTONIC);

  /** Wait on a queue's epoll for some nanoseconds, or for ever. */
  readonly wait = (ep: number, nanos: number): number => {
    if (this.#isMain || nanos <= LONGEST_SLEEP) return this.#sleep(ep, nanos);
    const deadline = nanos === Infinity ? Infinity : this.clock() + nanos;
    for (let left = nanos; left > 0; ) {
      const n = this.#sleep(ep, Math.min(left, LONGEST_SLEEP));
      if (n !== 0) return n;
      if (deadline !== Infinity) left = deadline - this.clock();
    }
    return 0;
  };

  #sleep(ep: number, nanos: number): number {
    if (nanos === Infinity) return this.epoll.wait(ep, 0);
    const { u32, address } = this.#timespec;
    writeTimespec(u32, 0, nanos);
    return this.epoll.wait(ep, address);
  }

  // ---- descriptors --------------------------------------------------------

  /** Learn what a descriptor is; `undefined` if it is not open. */
  describe(fd: number): Descriptor | undefined {
    const stat = fd < 0 ? undefined : this.probe.stat(fd);
    if (stat === undefined) return undefined;
    const kind = this.#kindOf(fd, stat);
    const access = this.probe.openFlags(fd) & O_ACCMODE;
    const isSocket = kind === 'socket';
    return {
      fd,
      kind,
      device: stat.device,
      inode: stat.inode,
      reads: access !== O_WRONLY,
      writes: access === O_WRONLY || access === O_RDWR,
      isUnix: isSocket && this.probe.socketDomain(fd) === AF_UNIX,
      isStream: isSocket && this.probe.socketType(fd) === SOCK_STREAM,
      queue: kind === 'kqueue' ? (this.queueOf(fd) ?? null) : null,
    };
  }

  /** All pipes are of one file system, which any pipe tells. */
  #learnPipeDevice(): void {
    const { libc, probe } = this;
    if (libc.pipe(libc.scratch.address, CLOEXEC) < 0) return;
    const [reader, writer] = libc.scratch.i32;
    this.#pipeDevice = probe.stat(reader)?.device;
    libc.close(reader);
    libc.close(writer);
  }

  #kindOf(fd: number, { mode, device }: Stat): Kind {
    const kind = KIND_OF_MODE[mode & S_IFMT];
    if (kind === undefined) {
      return this.queueOf(fd) === undefined ? 'other' : 'kqueue';
    }
    if (kind === 'device' && this.probe.isTerminal(fd)) return 'terminal';
    if (kind !== 'fifo') return kind;
    if (this.#pipeDevice === undefined) this.#learnPipeDevice();
    const isPipe =
      this.#pipeDevice === undefined
        ? pathOf(fd)?.startsWith('pipe:')
        : device === this.#pipeDevice;
    return isPipe === true ? 'pipe' : 'fifo';
  }
}

/** The numbers that are open, as far as that can be told. */
function openNumbers(): readonly string[] {
  try {
    return readdirSync('/proc/self/fd');
  } catch {
    return [];
  }
}

/**
 * The kqueue built into this library, over epoll.
 *
 * @throws {KqueueError} `ERR_KQUEUE_LOAD` if the C library lacks a function.
 */
export const createLinuxKernel = (libc: Libc = bindLibc()): Kernel =>
  new LinuxKernel(libc);
