import type { Queue } from './queue.js';

/**
 * Repairs a queue after other code closed one of its descriptors by mistake, such
 * as by a second close of a reused number. Parts that can be reopened are; if
 * the queue's own descriptor is gone, the queue ends.
 */
export class Repairs {
  readonly #queue: Queue;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /**
   * Whether the queue's descriptor still is its own, for one system call.
   * `makesPending` if the call that asks will make an event pending.
   */
  isOpen(makesPending: boolean): boolean {
    const queue = this.#queue;
    // To make the descriptor readable would have been a system call as well.
    const isOpen = makesPending
      ? queue.readyFlag.expect()
      : queue.kernel.identity.isQueue(queue, queue.fd);
    return isOpen || this.repair();
  }

  /**
   * Replace the eventfd and the epolls; false if the queue's own descriptor was
   * closed, or if no other can be had.
   */
  repair(): boolean {
    const queue = this.#queue;
    const { identity } = queue.kernel;
    if (!identity.isQueue(queue, queue.fd)) {
      if (!identity.hasLostEventfd(queue)) return false;
      if (!queue.readyFlag.reopen()) return false;
      queue.epolls.reconnect();
    }
    queue.epolls.repair();
    return true;
  }

  /** Repair everything; false if the queue's descriptor was closed. */
  check(): boolean {
    const { kernel, timers, sources } = this.#queue;
    if (!this.repair()) {
      kernel.queues.leave(this.#queue);
      return false;
    }
    timers.check();
    kernel.wakers.check(this.#queue);
    sources.check();
    kernel.sync();
    return true;
  }
}
