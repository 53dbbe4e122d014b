import { D } from './constants.js';
import type { Knote } from './knote.js';
import { hasLowWater } from './low-water.js';
import type { Queue } from './queue.js';
import type { FdSource } from './source.js';

/**
 * The sockets of one queue that are watched with a low-water mark: epoll
 * reports neither that there is room for it, nor that a receive buffer is full
 * before it is reached. So each call of kevent polls them.
 */
export class SocketMarks {
  readonly #queue: Queue;
  readonly #sources = new Set<FdSource>();
  /** Knotes whose mark was reached when they were last evaluated. */
  readonly #reached = new WeakSet<Knote>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  get size(): number {
    return this.#sources.size;
  }

  /** A socket's knotes have changed. */
  update(source: FdSource): void {
    if (source.knotes.some(hasLowWater)) this.#sources.add(source);
    else this.#sources.delete(source);
  }

  remove(source: FdSource): void {
    this.#sources.delete(source);
  }

  /** Activate knotes whose mark was reached since. */
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
