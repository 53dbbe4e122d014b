import type { Queue } from './queue.js';

/**
 * Repairs a queue after other code closed one of its descriptors by mistake,
 * for example by closing a number twice. It reopens parts. If the queue's own
 * descriptor was closed, the queue ends.
 */
export class Repairs {
  readonly #queue: Queue;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /**
   * Whether the queue's descriptor is still its own, checked by one system
   * call. `makesPending` if the current call will make an event pending.
   */
  isOpen(makesPending: boolean): boolean {
    const queue = this.#queue;
    // Making the descriptor readable needs a system call as well.
    const isOpen = makesPending
      ? queue.readyFlag.expect()
      : queue.kernel.identity.isQueue(queue, queue.fd);
    return isOpen || this.repair();
  }

  /**
   * Replace the eventfd and the epolls. False if the queue's own descriptor was
   * closed, or a part cannot be replaced.
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

  /** Repair all parts. False if the queue's descriptor was closed. */
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
