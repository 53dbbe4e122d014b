import type { Libc } from '../ffi/index.js';
import { DE } from './constants.js';
import {
  darwinErrno,
  LINUX_EINVAL,
  LINUX_ELOOP,
  LINUX_EPERM,
} from './errno.js';
import type { Queue } from './queue.js';
import { type FdSource, HOME, NOWHERE, SIDE } from './source.js';

/**
 * The sources that epoll watches for one queue, which epoll(7) calls the
 * interest list. Each is in one of the queue's epolls, edge-triggered.
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
    // In one entry an arrival would look like an edge of both directions.
    const place = other?.place === HOME ? SIDE : HOME;
    const refused = place === SIDE ? epolls.useInner() : 0;
    if (refused !== 0) return refused;
    const ep = epolls.open(place);
    if (ep < 0) return -ep;
    epolls.members.add(source, fd, bits);
    const { slot, generation } = source;
    const { epoll } = kernel;
    if (epoll.put(ep, fd, bits, slot, generation) < 0) {
      epolls.members.remove(source);
      const errno = this.#libc.errno();
      // An epoll of other code, or a device whose driver does not support poll.
      if (errno === LINUX_ELOOP || errno === LINUX_EPERM) return DE.ENOTSUP;
      // One file can be in at most 500 epolls that are in other epolls.
      return errno === LINUX_EINVAL ? DE.ENOMEM : darwinErrno(errno);
    }
    source.place = place;
    if (this.#leftovers.has(fd) && !kernel.identity.isWatchedTwice(ep, fd)) {
      this.#leftovers.delete(fd);
    }
    return 0;
  }

  /** Watch a source of the list for other bits. */
  modify(source: FdSource, bits: number): void {
    const { place, slot, generation, descriptor } = source;
    const { epolls, kernel } = this.#queue;
    epolls.members.modify(source, bits);
    kernel.epoll.modify(
      epolls.epollAt(place),
      descriptor.fd,
      bits,
      slot,
      generation,
    );
  }

  /** Report a source again if it is ready. False if it is another file now. */
  rearm(source: FdSource): boolean {
    const { epolls, kernel } = this.#queue;
    const { fd } = source.descriptor;
    if (this.#leftovers.has(fd)) return false;
    const { bits } = epolls.members.entryOf(source);
    const { place, slot, generation } = source;
    const ep = epolls.epollAt(place);
    return kernel.epoll.modify(ep, fd, bits, slot, generation) >= 0;
  }

  /**
   * Take a source out of the queue's own epoll. True if that proves that its
   * descriptor is still the same file, because the number is there only once.
   */
  takeOut(source: FdSource): boolean {
    const { epolls, kernel } = this.#queue;
    const { fd } = source.descriptor;
    const isProof =
      epolls.isDirect && source.place === HOME && !this.#leftovers.has(fd);
    if (!isProof || kernel.epoll.remove(epolls.epollAt(HOME), fd) < 0) {
      return false;
    }
    source.place = NOWHERE;
    epolls.members.remove(source);
    return true;
  }

  /** Take a source out; `isCurrent` while its descriptor is the same file. */
  remove(source: FdSource, isCurrent: boolean): void {
    const { place, descriptor } = source;
    if (place === NOWHERE) return;
    const { epolls, kernel } = this.#queue;
    if (isCurrent) kernel.epoll.remove(epolls.epollAt(place), descriptor.fd);
    else this.#leftovers.add(descriptor.fd);
    epolls.members.remove(source);
  }

  /** Whether an epoll may have a number twice, as two different files. */
  mayHaveLeftover(fd: number): boolean {
    return this.#leftovers.has(fd);
  }
}
