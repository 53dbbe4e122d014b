import { D } from './constants.js';
import type { Knote } from './knote.js';
import { hasLowWater } from './low-water.js';
import type { Queue } from './queue.js';
import type { FdSource } from './source.js';

/**
 * The sockets of one queue that are watched with a low-water mark. Epoll does
 * not report that there is space for the mark, nor that a receive buffer fills
 * up below it. So each call of kevent polls them.
 */
export class SocketMarks {
  readonly #queue: Queue;
  readonly #sources = new Set<FdSource>();
  /** Knotes whose mark was reached at their last evaluation. */
  readonly #reached = new WeakSet<Knote>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  get size(): number {
    return this.#sources.size;
  }

  /** The knotes of a socket changed. */
  update(source: FdSource): void {
    if (source.knotes.some(hasLowWater)) this.#sources.add(source);
    else this.#sources.delete(source);
  }

  remove(source: FdSource): void {
    this.#sources.delete(source);
  }

  /** Activate knotes whose mark has been reached since. */
  poll(): void {
    for (const { knotes } of this.#sources) {
      for (const knote of knotes) {
        const isReached = knote.active || knote.filter.evaluate(knote);
        const wasReached = this.#reached.has(knote);
        if (isReached) this.#reached.add(knote);
        else this.#reached.delete(knote);
        const isClear = (knote.flags & D.EV_CLEAR) !== 0;
        if (isReached && !(wasReached && isClear)) {
          this.#queue.knotes.activate(knote);
        }
      }
    }
  }
}
