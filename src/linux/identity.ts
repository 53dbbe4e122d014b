import { readdirSync, readFileSync } from 'node:fs';
import type { Libc } from '../ffi/index.js';
import { isSameAccess } from './descriptor.js';
import type { Epoll } from './epoll.js';
import { LINUX_ENOENT } from './errno.js';
import { isSameInode, type Probe } from './probe.js';
import type { Queue } from './queue.js';
import { type FdSource, NOWHERE } from './source.js';

const KCMP_EPOLL_TFD = 7;
const F_SETSIG = 10;
const F_GETSIG = 11;
const MARK = 61;

/**
 * Decides whether a descriptor is still the open file that it was. Other code
 * may close any descriptor, and open or dup(2) another file at its number. Code
 * that keeps a descriptor calls this before it uses it.
 *
 * The check uses epoll, which identifies a file by its descriptor: adding a
 * descriptor that an epoll already has changes nothing and fails with EEXIST.
 * The parts of a queue prove each other: its eventfd is in each of its epolls,
 * and in no other.
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
   * Mark an epoll with an entry that never reports anything, so that it can be
   * recognised after all its other entries are gone.
   */
  mark(ep: number): void {
    this.#libc.fcntl(ep, F_SETSIG, MARK);
  }

  isMarked(ep: number): boolean {
    return this.#libc.fcntl(ep, F_GETSIG, 0) === MARK;
  }

  /** Whether a descriptor is the queue's own, or a duplicate of it. */
  isQueue(queue: Queue, fd: number): boolean {
    const { inner, side } = queue.epolls;
    return fd !== inner && fd !== side && this.#hasEventfd(queue, fd);
  }

  /** Whether a descriptor is still one of the queue's inner epolls. */
  isInnerEpoll(queue: Queue, ep: number): boolean {
    if (!this.isHeld(ep, queue)) return false;
    if (this.#hasEventfd(queue, ep)) return true;
    // If the eventfd was closed, another entry proves it.
    const { members } = queue.epolls;
    return members.all().some((member) => {
      const { fd } = members.entryOf(member);
      return this.isHeld(fd, member) && this.#epoll.has(ep, fd);
    });
  }

  /** Whether a descriptor is still the queue's eventfd. */
  isEventfd(queue: Queue): boolean {
    const { epolls, fd, token, readyFlag } = queue;
    const { eventfd } = readyFlag;
    if (!this.isHeld(eventfd, queue)) return false;
    const { inner } = epolls;
    return (
      (this.isHeld(inner, queue) && this.#epoll.has(inner, eventfd)) ||
      this.isQueue(queue, fd) ||
      countOf(eventfd) === token
    );
  }

  /** Whether a queue still has its descriptor, but not its eventfd. */
  hasLostEventfd(queue: Queue): boolean {
    const { epolls, fd, nesting } = queue;
    return (
      !this.isEventfd(queue) &&
      this.isHeld(epolls.inner, queue) &&
      this.#epoll.has(fd, epolls.inner) &&
      // The queues above have its inner epolls too.
      !nesting.above().some((parent) => this.isQueue(parent, fd))
    );
  }

  /** Whether an inner epoll of the queue has a descriptor as this open file. */
  isMember(queue: Queue, fd: number): boolean {
    const { inner } = queue.epolls;
    return this.isHeld(inner, queue) && this.#epoll.has(inner, fd);
  }

  #hasEventfd(queue: Queue, ep: number): boolean {
    const { eventfd } = queue.readyFlag;
    return this.isHeld(eventfd, queue) && this.#epoll.has(ep, eventfd);
  }

  // ---- the caller's descriptors -------------------------------------------

  /** Whether a source's descriptor is still the file that was registered. */
  isCurrent(source: FdSource): boolean {
    const { place, descriptor } = source;
    const { fd, queue } = descriptor;
    const { kernel, interest, epolls } = source.queue;
    if (queue !== null) return !queue.closed && this.isQueue(queue, fd);
    if (place === NOWHERE) return this.#probe.isOpenOn(fd, descriptor);
    // The epoll itself may have been closed, and replaced since.
    const has =
      this.#isWatched(source) || (epolls.repair() && this.#isWatched(source));
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
      this.isHeld(ep, queue) || (ep === queue.fd && this.isQueue(queue, ep));
    return isOwn && this.#epoll.has(ep, descriptor.fd);
  }

  /** A descriptor of a queue that has no known descriptor. */
  findQueue(queue: Queue): number | undefined {
    return openDescriptors().find((fd) => this.isQueue(queue, fd));
  }

  /** Whether an epoll has, or may have, more than one file at `fd`. */
  isWatchedTwice(ep: number, fd: number): boolean {
    const { i32, address } = this.#libc.scratch;
    i32[0] = ep;
    i32[1] = fd;
    i32[2] = 1;
    const { pid } = process;
    const order = this.#libc.kcmp(pid, pid, KCMP_EPOLL_TFD, fd, address);
    return order >= 0 || this.#libc.errno() !== LINUX_ENOENT;
  }
}

/** The count of an eventfd. A queue's eventfd never changes it. */
function countOf(eventfd: number): number | undefined {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${eventfd}`, 'latin1');
    const [, count] = /^eventfd-count:\s*([0-9a-f]+)$/m.exec(info) ?? [];
    return count === undefined ? undefined : Number.parseInt(count, 16);
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
