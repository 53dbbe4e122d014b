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
 * The sources that epoll watches for one queue: its interest list, as epoll(7)
 * calls it. Each is in one of the two inner epolls, always edge-triggered.
 */
export class InterestList {
  readonly #queue: Queue;
  readonly #libc: Libc;
  /** Descriptors as which an epoll may still have a file that was closed. */
  readonly #leftovers = new Set<number>();

  constructor(queue: Queue) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
  }

  /** Watch a source for some of the EPOLL bits: a Darwin errno. */
  add(source: FdSource, bits: number): number {
    const { descriptor, aspect } = source;
    const { fd } = descriptor;
    const { epolls, sources, kernel } = this.#queue;
    const other = sources.get(fd, aspect === 'read' ? 'write' : 'read');
    // By the caller's file at its number, a part of the queue that was closed
    // elsewhere would seem to be there still.
    if (kernel.identity.hasHolder(fd)) this.#queue.repairs.check();
    // In one entry an arrival would look like an edge of both directions.
    epolls.repair();
    const ep = other?.epoll === epolls.inner ? epolls.openSide() : epolls.inner;
    if (ep < 0) return -ep;
    epolls.members.add(source, fd, bits);
    const { slot, generation } = source;
    const { epoll } = kernel;
    let added = epoll.add(ep, fd, bits, slot, generation);
    if (added < 0 && this.#libc.errno() === LINUX_EEXIST) {
      // It was closed elsewhere, and is back at its descriptor by a dup.
      epoll.remove(ep, fd);
      added = epoll.add(ep, fd, bits, slot, generation);
    }
    if (added < 0) {
      epolls.members.remove(source);
      const errno = this.#libc.errno();
      // A stranger's epoll, or a device whose driver cannot be polled.
      if (errno === LINUX_ELOOP || errno === LINUX_EPERM) return DE.ENOTSUP;
      // One file can be in 500 epolls that are in others, and no more.
      return errno === LINUX_EINVAL ? DE.ENOMEM : darwinErrno(errno);
    }
    source.epoll = ep;
    if (this.#leftovers.has(fd) && !kernel.identity.isWatchedTwice(ep, fd)) {
      this.#leftovers.delete(fd);
    }
    return 0;
  }

  /** Watch a source that is in the list for other bits. */
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

  /** Take a source out; `isCurrent` while its descriptor is the same file. */
  remove(source: FdSource, isCurrent: boolean): void {
    const { epoll, descriptor } = source;
    if (epoll < 0) return;
    if (isCurrent) this.#queue.kernel.epoll.remove(epoll, descriptor.fd);
    else this.#leftovers.add(descriptor.fd);
    this.#queue.epolls.members.remove(source);
  }

  /** Whether an epoll may have a descriptor twice: as two different files. */
  mayHaveLeftover(fd: number): boolean {
    return this.#leftovers.has(fd);
  }
}
