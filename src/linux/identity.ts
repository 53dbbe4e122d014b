import { readdirSync, readFileSync } from 'node:fs';
import type { Libc } from '../ffi/index.js';
import { isSameAccess } from './descriptor.js';
import type { Epoll } from './epoll.js';
import { LINUX_ENOENT } from './errno.js';
import { isSameInode, type Probe } from './probe.js';
import type { Queue } from './queue.js';
import type { FdSource } from './source.js';

const KCMP_EPOLL_TFD = 7;
const F_SETSIG = 10;
const F_GETSIG = 11;
const MARK = 61;

/**
 * Tells whether a descriptor still stands for the open file it stood for. Any
 * code in the process may close a descriptor, and open or dup(2) another file
 * at its place: each place that kept one asks here before it trusts it.
 *
 * The test is epoll's: adding what an epoll has already does nothing and says
 * so, and an epoll has a file by its descriptor. So a queue's parts prove one
 * another: its eventfd is in each of its epolls, and in nobody else's.
 */
export class Identity {
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #probe: Probe;
  /** Whose a descriptor was that the kernel opened last by that number. */
  readonly #holders = new Map<number, object>();

  constructor(libc: Libc, epoll: Epoll, probe: Probe) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.#probe = probe;
  }

  // ---- the kernel's own descriptors ---------------------------------------

  /** A descriptor was opened for a part of a queue: nobody else has it now. */
  hold(fd: number, holder: object): void {
    this.#holders.set(fd, holder);
  }

  /** It was closed, or is somebody else's. */
  release(fd: number, holder: object): void {
    if (this.isHeld(fd, holder)) this.#holders.delete(fd);
  }

  /** Whether the kernel opened a part of a queue by that number. */
  hasHolder(fd: number): boolean {
    return this.#holders.has(fd);
  }

  /** Whether nothing of the kernel's was opened by that number since. */
  isHeld(fd: number, holder: object): boolean {
    return this.#holders.get(fd) === holder;
  }

  /**
   * Mark an epoll, so that it is known when all that is in it is gone: with a
   * signal that would tell of it, which nobody asks for.
   */
  mark(ep: number): void {
    this.#libc.fcntl(ep, F_SETSIG, MARK);
  }

  isMarked(ep: number): boolean {
    return this.#libc.fcntl(ep, F_GETSIG, 0) === MARK;
  }

  /** Whether a descriptor is a queue's: its own, or a dup. */
  isQueue(queue: Queue, fd: number): boolean {
    const { inner, side } = queue.epolls;
    return fd !== inner && fd !== side && this.#hasEventfd(queue, fd);
  }

  /** Whether one of a queue's inner epolls still is that. */
  isInnerEpoll(queue: Queue, ep: number): boolean {
    if (!this.isHeld(ep, queue)) return false;
    if (this.#hasEventfd(queue, ep)) return true;
    // If the eventfd was closed, what else is in it proves it.
    const { members } = queue.epolls;
    return members.all().some((member) => {
      const { fd } = members.entryOf(member);
      return this.isHeld(fd, member) && this.#epoll.has(ep, fd);
    });
  }

  /** Whether a queue's eventfd still is that. */
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

  /** Whether a queue has its descriptor, but not its eventfd any more. */
  hasLostEventfd(queue: Queue): boolean {
    const { epolls, fd, nesting } = queue;
    return (
      !this.isEventfd(queue) &&
      this.isHeld(epolls.inner, queue) &&
      this.#epoll.has(fd, epolls.inner) &&
      // The queues above have its inner epolls as well.
      !nesting.above().some((parent) => this.isQueue(parent, fd))
    );
  }

  /** Whether a descriptor is in one of a queue's inner epolls as this file. */
  isMember(queue: Queue, fd: number): boolean {
    const { inner } = queue.epolls;
    return this.isHeld(inner, queue) && this.#epoll.has(inner, fd);
  }

  #hasEventfd(queue: Queue, ep: number): boolean {
    const { eventfd } = queue.readyFlag;
    return this.isHeld(eventfd, queue) && this.#epoll.has(ep, eventfd);
  }

  // ---- the caller's descriptors -------------------------------------------

  /** Whether a source's descriptor still is the file that was registered. */
  isCurrent(source: FdSource): boolean {
    const { epoll, descriptor } = source;
    const { fd, queue } = descriptor;
    const { kernel, interest, epolls } = source.queue;
    if (queue !== null) return !queue.closed && this.isQueue(queue, fd);
    if (epoll < 0) return this.#probe.isOpenOn(fd, descriptor);
    const has = this.isHeld(epoll, source.queue) && this.#epoll.has(epoll, fd);
    // The epoll itself may be gone, and then has been replaced.
    if (!has) return epolls.repair() && this.#epoll.has(source.epoll, fd);
    if (!interest.mayHaveLeftover(fd)) return true;
    // It may be there twice: as this file, and as one that was closed.
    const now = kernel.descriptors.read(fd);
    return (
      now !== undefined &&
      isSameInode(now, descriptor) &&
      isSameAccess(now, descriptor)
    );
  }

  /** A descriptor of a queue, of which none is known. */
  findQueue(queue: Queue): number | undefined {
    return openDescriptors().find((fd) => this.isQueue(queue, fd));
  }

  /** Whether an epoll has, or may have, more than one file as `fd`. */
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

/** The count of an eventfd, which a queue's has for ever. */
function countOf(eventfd: number): number | undefined {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${eventfd}`, 'latin1');
    const [, count] = /^eventfd-count:\s*([0-9a-f]+)$/m.exec(info) ?? [];
    return count === undefined ? undefined : Number.parseInt(count, 16);
  } catch {
    return undefined;
  }
}

/** The open descriptors of the process; none where /proc cannot be read. */
function openDescriptors(): readonly number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return [];
  }
}
