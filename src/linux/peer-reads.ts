import { D } from './constants.js';
import type { Queue } from './queue.js';
import type { FdSource } from './source.js';

/**
 * The AF_UNIX streams of one queue that EVFILT_WRITE watches with EV_CLEAR.
 * Darwin posts each read of the peer. Linux reports a read only after a whole
 * message was read. So each call of kevent checks how much the peer has not
 * read yet.
 */
export class PeerReads {
  readonly #queue: Queue;
  /**
   * Each stream, with the bytes that its peer had not read at the last check.
   */
  readonly #unread = new Map<FdSource, number>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  get size(): number {
    return this.#unread.size;
  }

  /** The knotes of a stream changed. */
  update(source: FdSource): void {
    const isClear = source.knotes.some(({ flags }) => flags & D.EV_CLEAR);
    if (!isClear) this.#unread.delete(source);
    else if (!this.#unread.has(source)) {
      this.#unread.set(source, this.#count(source));
    }
  }

  remove(source: FdSource): void {
    this.#unread.delete(source);
  }

  /** Post streams whose peer has read. */
  poll(): void {
    for (const [source, before] of this.#unread) {
      const now = this.#count(source);
      if (now === before) continue;
      this.#unread.set(source, now);
      if (now > before) continue;
      for (const knote of source.knotes) {
        if ((knote.flags & D.EV_CLEAR) !== 0) this.#queue.knotes.post(knote);
      }
    }
  }

  #count({ descriptor: { fd, inode } }: FdSource): number {
    const { probe, diag } = this.#queue.kernel;
    // If everything was read, there is nothing to check.
    return probe.unsent(fd) > 0 ? (diag.unreadByPeer(inode) ?? 0) : 0;
  }
}
