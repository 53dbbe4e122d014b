import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Libc } from '../ffi/index.js';
import { isSameAccess } from './descriptor.js';
import { type Epoll, entriesOf } from './epoll.js';
import { LINUX_EBADF, LINUX_ENOENT } from './errno.js';
import { isSameInode, type Probe } from './probe.js';
import type { Queue } from './queue.js';
import { QueueMarks } from './queue-marks.js';
import { type FdSource, NOWHERE } from './source.js';

const KCMP_FILE = 0;
const KCMP_EPOLL_TFD = 7;
const F_SETSIG = 10;
const F_GETSIG = 11;
const F_DUPFD_CLOEXEC = 1030;

/**
 * How inner epolls are marked: see {@link Identity.mark}. An emulator accepts no
 * mark above 60.
 */
export const MARKS = { inner: 59, side: 60 } as const;
/** Members have the marks up to this one, and queues those above. */
const MEMBER_MARKS = 28;
/** The numbers to try for a duplicate, if /proc cannot be read. */
const MAX_TRIED = 65536;
/** How many times a file is marked, if a call fails. */
const TRIES = 3;

/**
 * Decides whether a descriptor is still the open file that it was. Other code
 * may close any descriptor, and open or dup(2) another file at its number. Code
 * that keeps a descriptor calls this before it uses it.
 *
 * The check uses epoll, which identifies a file by its descriptor: adding a
 * descriptor that an epoll already has changes nothing and fails with EEXIST.
 * The parts of a queue prove each other: its eventfd is in each of its epolls,
 * and in no other. If the eventfd was closed, the entries of the queue's own
 * epoll prove it. Epolls of other code may watch the same numbers, but do not
 * have the marks of the queue's.
 */
export class Identity {
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #probe: Probe;
  /**
   * The owner of a number: the last part of a queue that the kernel opened
   * there.
   */
  readonly #holders = new Map<number, object>();
  readonly #queueMarks = new QueueMarks();
  /** Begins at random, because other threads mark files too. */
  #lastMark = Math.floor(Math.random() * MEMBER_MARKS);

  constructor(libc: Libc, epoll: Epoll, probe: Probe) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.#probe = probe;
  }

  // ---- the kernel's own descriptors ---------------------------------------

  /**
   * A descriptor was opened for a part of a queue, so no other part has its
   * number.
   */
  hold(fd: number, holder: object): void {
    this.#holders.set(fd, holder);
  }

  /** The descriptor was closed, or has another owner. */
  release(fd: number, holder: object): void {
    if (this.isHeld(fd, holder)) this.#holders.delete(fd);
  }

  /** Whether the kernel opened a part of a queue at that number. */
  hasHolder(fd: number): boolean {
    return this.#holders.has(fd);
  }

  /** Whether the kernel has opened nothing at that number since. */
  isHeld(fd: number, holder: object): boolean {
    return this.#holders.get(fd) === holder;
  }

  /**
   * Mark an open file by a setting that has no effect on it, so that it can be
   * recognised without other parts. Returns the mark, or 0 if that is refused.
   */
  mark(fd: number, mark: number): number {
    for (let tries = 1; tries <= TRIES; tries++) {
      if (this.#libc.fcntl(fd, F_SETSIG, mark) >= 0) return mark;
    }
    return 0;
  }

  /** Mark the own epoll of a queue, not as other queues if that is possible. */
  markQueue(fd: number): number {
    const mark = this.mark(fd, this.#queueMarks.next());
    this.#queueMarks.hold(mark);
    return mark;
  }

  /** A queue that had this mark has ended. */
  releaseMark(mark: number): void {
    this.#queueMarks.release(mark);
  }

  /** The mark of an open file; 0 if it has none, or -1. */
  markOf(fd: number): number {
    return this.#libc.fcntl(fd, F_GETSIG, 0);
  }

  /** Whether a file has its mark; 0 stands for one that was refused. */
  isMarked(fd: number, mark: number): boolean {
    let found = this.markOf(fd);
    if (found < 0) found = this.markOf(fd);
    // A sandbox may forbid the call: then the other proofs have to do.
    if (found < 0) return this.#libc.errno() !== LINUX_EBADF;
    return mark === 0 || found === mark;
  }

  /** Mark the file of a member, not as the members before it. */
  markMember(fd: number): number {
    this.#lastMark = (this.#lastMark % MEMBER_MARKS) + 1;
    return this.mark(fd, this.#lastMark);
  }

  /**
   * Whether a descriptor that was the queue's still is: by its mark alone, if no
   * other queue has it.
   */
  isStillQueue(queue: Queue, fd: number): boolean {
    const { own } = queue.epolls.marks;
    const isProof = this.#queueMarks.isUnique(own);
    return (isProof && this.markOf(fd) === own) || this.isQueue(queue, fd);
  }

  /**
   * Whether a descriptor is the queue's own, or a duplicate of it. Another epoll
   * may watch what has the eventfd's number: the event loop of a new thread, for
   * example.
   */
  isQueue(queue: Queue, fd: number): boolean {
    const { inner, marks, side } = queue.epolls;
    if (!this.isMarked(fd, marks.own)) return false;
    // They have the eventfd too.
    if (marks.own === 0 && (fd === inner || fd === side)) return false;
    if (this.hasEventfd(queue, fd)) return true;
    if (this.isEventfd(queue)) return false;
    // Without any entry the number, or the mark, is all that is known.
    const isKnown =
      fd === queue.fd ||
      this.#queueMarks.isUnique(marks.own) ||
      this.#isOneFile(fd, queue.fd);
    return this.#hasEntries(queue, fd, isKnown);
  }

  /** Whether two numbers are known to be one open file. */
  #isOneFile(one: number, other: number): boolean {
    const { pid } = process;
    return this.#libc.kcmp(pid, pid, KCMP_FILE, one, other) === 0;
  }

  /** Whether an epoll has entries of the queue; `ifNone` if it has no entry. */
  #hasEntries(queue: Queue, ep: number, ifNone: boolean): boolean {
    const entries = entriesOf(ep);
    if (entries.length === 0) return ifNone;
    return entries.some(({ low, high }) => queue.reports.isOwn(low, high));
  }

  /** Whether a descriptor is still one of the queue's inner epolls. */
  isInnerEpoll(queue: Queue, name: 'inner' | 'side'): boolean {
    const { epolls, fd } = queue;
    const ep = epolls[name];
    if (!this.mayBe(queue, name)) return false;
    if (this.hasEventfd(queue, ep)) return true;
    return this.isQueue(queue, fd) && this.#epoll.has(fd, ep);
  }

  /** The same, if the eventfd was closed. */
  isMarkedInner(queue: Queue, name: 'inner' | 'side'): boolean {
    const { epolls } = queue;
    return (
      epolls.marks[name] > 0 &&
      this.mayBe(queue, name) &&
      this.#hasEntries(queue, epolls[name], true)
    );
  }

  /** The same for all of them, and the eventfd. */
  areOpen(queue: Queue): boolean {
    const { inner, side } = queue.epolls;
    return (
      this.hasEventfd(queue, queue.fd) &&
      this.hasEventfd(queue, inner) &&
      this.mayBe(queue, 'inner') &&
      (side < 0 || (this.hasEventfd(queue, side) && this.mayBe(queue, 'side')))
    );
  }

  /** Whether a descriptor may be an inner epoll. */
  mayBe({ epolls }: Queue, name: 'inner' | 'side'): boolean {
    const ep = epolls[name];
    return epolls.isHeld(ep) && this.isMarked(ep, epolls.marks[name]);
  }

  /** Whether a descriptor is still the queue's eventfd. */
  isEventfd(queue: Queue): boolean {
    const { epolls, fd, token, readyFlag } = queue;
    const { eventfd } = readyFlag;
    if (!this.isHeld(eventfd, readyFlag)) return false;
    const isOwn =
      fd !== epolls.inner && this.isMarked(fd, queue.epolls.marks.own);
    if (isOwn && this.#epoll.has(fd, eventfd)) return true;
    // An inner epoll proves it only if the count cannot be read: both may be
    // parts of a queue of another copy of this package.
    const count = countOf(eventfd);
    return count === undefined
      ? this.isMember(queue, eventfd)
      : count === token;
  }

  /** Whether an inner epoll of the queue has a descriptor as this open file. */
  isMember(queue: Queue, fd: number): boolean {
    const { epolls } = queue;
    return epolls.isHeld(epolls.inner) && this.#epoll.has(epolls.inner, fd);
  }

  /** Whether an epoll has the eventfd of the queue, as its own epolls do. */
  hasEventfd(queue: Queue, ep: number): boolean {
    const { readyFlag } = queue;
    const { eventfd } = readyFlag;
    return this.isHeld(eventfd, readyFlag) && this.#epoll.has(ep, eventfd);
  }

  // ---- duplicates of closed parts -----------------------------------------

  /**
   * Duplicate an inner epoll whose descriptor was closed while a duplicate of
   * it is open, which the queue's own epoll continues to report. Returns a
   * descriptor, at the old number if that is free, or -1.
   */
  dupInnerEpoll(queue: Queue, name: 'inner' | 'side'): number {
    const old = queue.epolls[name];
    const dup = openDescriptors().find(
      (fd) =>
        this.isMarked(fd, MARKS[name]) &&
        (this.hasEventfd(queue, fd) || this.#isEntry(queue.fd, old, fd)),
    );
    if (dup === undefined) return -1;
    return this.#libc.fcntl(dup, F_DUPFD_CLOEXEC, old);
  }

  /**
   * The same for the eventfd. Returns whether its old number has it again;
   * otherwise it reports nothing any more.
   */
  recoverEventfd({ readyFlag: { eventfd }, token }: Queue): boolean {
    const dup = openDescriptors().find((fd) => countOf(fd) === token);
    if (dup === undefined) return false;
    const fd = this.#libc.fcntl(dup, F_DUPFD_CLOEXEC, eventfd);
    if (fd === eventfd) return true;
    if (fd >= 0) this.#libc.close(fd);
    // Its entry has the old number, which is now another file. It can only be
    // made unreadable.
    this.#libc.read(dup, this.#libc.scratch.address, 8);
    return false;
  }

  // ---- the caller's descriptors -------------------------------------------

  /** Whether a source's descriptor is still the file that was registered. */
  isCurrent(source: FdSource): boolean {
    const { place, descriptor } = source;
    const { fd, queue } = descriptor;
    const { kernel, interest, repairs } = source.queue;
    if (queue !== null) return !queue.closed && this.isStillQueue(queue, fd);
    if (place === NOWHERE) return this.#probe.isOpenOn(fd, descriptor);
    // The epoll itself may have been closed, and replaced since.
    const has =
      this.#isWatched(source) || (repairs.repair() && this.#isWatched(source));
    if (!has) return false;
    if (!interest.mayHaveLeftover(fd)) return true;
    // The epoll may have the number twice: as this file, and as one that was
    // closed.
    const now = kernel.descriptors.read(fd);
    return (
      now !== undefined &&
      isSameInode(now, descriptor) &&
      isSameAccess(now, descriptor)
    );
  }

  /** Whether the epoll of a source has its descriptor as this file. */
  #isWatched({ queue, place, descriptor }: FdSource): boolean {
    const ep = queue.epolls.epollAt(place);
    // The queue's own epoll may be a duplicate, which the queue does not hold.
    const isOwn =
      queue.epolls.isHeld(ep) ||
      this.isHeld(ep, queue) ||
      (ep === queue.fd && this.isQueue(queue, ep));
    return isOwn && this.#epoll.has(ep, descriptor.fd);
  }

  /** A descriptor of a queue that has no known descriptor. */
  findQueue(queue: Queue): number | undefined {
    const open = openDescriptors();
    if (open.length > 0) return open.find((fd) => this.isQueue(queue, fd));
    // Without a free descriptor /proc cannot be read.
    for (let fd = 0; fd < MAX_TRIED; fd++) {
      if (this.isQueue(queue, fd)) return fd;
    }
    return undefined;
  }

  /** Whether an epoll has, or may have, more than one file at `fd`. */
  isWatchedTwice(ep: number, fd: number): boolean {
    const order = this.#compare(ep, fd, fd, 1);
    return order >= 0 || this.#libc.errno() !== LINUX_ENOENT;
  }

  /** Whether an epoll has an open file at a number. */
  #isEntry(ep: number, number: number, fd: number): boolean {
    // The number may be in it twice: see isWatchedTwice.
    return [0, 1].some((nth) => this.#compare(ep, number, fd, nth) === 0);
  }

  /**
   * Compare a file that an epoll has at a number, the first or the second, with
   * an open file: 0 if it is the same, negative if it cannot be compared.
   */
  #compare(ep: number, number: number, fd: number, nth: number): number {
    const { i32, address } = this.#libc.scratch;
    i32[0] = ep;
    i32[1] = number;
    i32[2] = nth;
    const { pid } = process;
    return this.#libc.kcmp(pid, pid, KCMP_EPOLL_TFD, fd, address);
  }
}

/**
 * The count of an eventfd, which a queue's never changes. -1 if the descriptor is
 * another file.
 */
function countOf(eventfd: number): number | undefined {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${eventfd}`, 'latin1');
    const [, count] = /^eventfd-count:\s*([0-9a-f]+)$/m.exec(info) ?? [];
    if (count !== undefined) return Number.parseInt(count, 16);
    const path = readlinkSync(`/proc/self/fd/${eventfd}`);
    return path.includes('[eventfd]') ? undefined : -1;
  } catch {
    return undefined;
  }
}

/** The open descriptors of the process; empty if /proc cannot be read. */
function openDescriptors(): readonly number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return [];
  }
}
