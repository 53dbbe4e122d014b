import type { Libc } from '../ffi/index.js';
import { DE } from './constants.js';
import {
  darwinErrno,
  LINUX_EEXIST,
  LINUX_EINVAL,
  LINUX_ELOOP,
  LINUX_EPERM,
} from './errno.js';
import type { Queue } from './queue.js';
import type { FdSource } from './source.js';

/**
 * The sources that epoll watches for one queue, which epoll(7) calls the
 * interest list. Each is in one of the two inner epolls, edge-triggered.
 */
export class InterestList {
  readonly #queue: Queue;
  readonly #libc: Libc;
  /** Numbers at which an epoll may still have a closed file. */
  readonly #leftovers = new Set<number>();

  constructor(queue: Queue) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
  }

  /** Watch a source for EPOLL bits. Returns a Darwin errno. */
  add(source: FdSource, bits: number): number {
    const { descriptor, aspect } = source;
    const { fd } = descriptor;
    const { epolls, sources, kernel } = this.#queue;
    const other = sources.get(fd, aspect === 'read' ? 'write' : 'read');
    // If the caller's file has the number of a part of the queue that other
    // code closed, that part would seem to exist still.
    if (kernel.identity.hasHolder(fd)) this.#queue.repairs.check();
    // In one entry, new data would look like an edge of both directions.
    epolls.repair();
    const ep = other?.epoll === epolls.inner ? epolls.openSide() : epolls.inner;
    if (ep < 0) return -ep;
    epolls.members.add(source, fd, bits);
    const { slot, generation } = source;
    const { epoll } = kernel;
    let added = epoll.add(ep, fd, bits, slot, generation);
    if (added < 0 && this.#libc.errno() === LINUX_EEXIST) {
      // Other code closed it, and a dup put it back at its number.
      epoll.remove(ep, fd);
      added = epoll.add(ep, fd, bits, slot, generation);
    }
    if (added < 0) {
      epolls.members.remove(source);
      const errno = this.#libc.errno();
      // An epoll of other code, or a device whose driver does not support poll.
      if (errno === LINUX_ELOOP || errno === LINUX_EPERM) return DE.ENOTSUP;
      // One file can be in at most 500 epolls that are in other epolls.
      return errno === LINUX_EINVAL ? DE.ENOMEM : darwinErrno(errno);
    }
    source.epoll = ep;
    if (this.#leftovers.has(fd) && !kernel.identity.isWatchedTwice(ep, fd)) {
      this.#leftovers.delete(fd);
    }
    return 0;
  }

  /** Watch a source of the list for other bits. */
  modify(source: FdSource, bits: number): void {
    const { epoll, slot, generation, descriptor } = source;
    this.#queue.epolls.members.modify(source, bits);
    this.#queue.kernel.epoll.modify(
      epoll,
      descriptor.fd,
      bits,
      slot,
      generation,
    );
  }

  /** Remove a source; `isCurrent` if its descriptor is still the same file. */
  remove(source: FdSource, isCurrent: boolean): void {
    const { epoll, descriptor } = source;
    if (epoll < 0) return;
    if (isCurrent) this.#queue.kernel.epoll.remove(epoll, descriptor.fd);
    else this.#leftovers.add(descriptor.fd);
    this.#queue.epolls.members.remove(source);
  }

  /** Whether an epoll may have a number twice, as two different files. */
  mayHaveLeftover(fd: number): boolean {
    return this.#leftovers.has(fd);
  }
}
