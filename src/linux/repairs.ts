import type { Queue } from './queue.js';

/** After so many calls, the parts of a queue are checked. */
const CHECKED_CALLS = 1024;
/** A call that finds no event pending counts as so many. */
const IDLE_WEIGHT = 16;
/** The same while a part could not be replaced, in calls. */
const CHECKED_BROKEN = 4 * IDLE_WEIGHT;

/**
 * Repairs a queue after other code closed one of its descriptors by mistake,
 * for example by closing a number twice. It reopens parts. If the queue's own
 * descriptor was closed, the queue ends.
 */
export class Repairs {
  readonly #queue: Queue;
  /** Members that get new descriptors call {@link repair}. */
  #isRepairing = false;
  #uncheckedCalls = 0;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Whether the queue's descriptor is still its own. */
  isOpen(): boolean {
    const queue = this.#queue;
    const { identity } = queue.kernel;
    // Only by the eventfd other code sees that events are pending.
    const isOpen =
      identity.isStillQueue(queue, queue.fd) &&
      (queue.knotes.pendingCount === 0 || identity.hasEventfd(queue, queue.fd));
    return isOpen || this.repair();
  }

  /**
   * Replace the eventfd and the epolls. A part that cannot be replaced now is
   * replaced at a later call. False if the queue's own descriptor was closed.
   */
  repair(): boolean {
    const queue = this.#queue;
    const { identity } = queue.kernel;
    if (this.#isRepairing) return true;
    if (!identity.isQueue(queue, queue.fd)) return false;
    if (identity.areOpen(queue)) return true;
    this.#isRepairing = true;
    try {
      if (!identity.isEventfd(queue) && queue.readyFlag.reopen()) {
        queue.epolls.reconnect();
      }
      queue.epolls.repair();
    } finally {
      this.#isRepairing = false;
    }
    if (!identity.areOpen(queue)) {
      this.#uncheckedCalls = CHECKED_CALLS - CHECKED_BROKEN;
    }
    return true;
  }

  /**
   * Whether the queue has a descriptor. Ask this before its epoll is changed by
   * calls on other queues: another epoll may have the number by now.
   */
  isReachable(): boolean {
    const queue = this.#queue;
    const { current, identity, queues } = queue.kernel;
    if (queue.closed || queue === current) return !queue.closed;
    if (!identity.isStillQueue(queue, queue.fd)) queues.leave(queue);
    return !queue.closed;
  }

  /** Count a call. Returns whether the parts should be checked. */
  isDue(): boolean {
    const isIdle = this.#queue.knotes.pendingCount === 0;
    this.#uncheckedCalls += isIdle ? IDLE_WEIGHT : 1;
    return this.#uncheckedCalls >= CHECKED_CALLS;
  }

  /**
   * Check all parts. Also check those of the queues below, because a closed part
   * does not wake this queue. False if the queue's descriptor was closed.
   */
  check(): boolean {
    const { kernel, nesting } = this.#queue;
    this.#uncheckedCalls = 0;
    const isOpen = this.#checkParts();
    if (isOpen && nesting.hasChildren) {
      for (const queue of nesting.below()) queue.repairs.#checkParts();
    }
    kernel.sync();
    return isOpen;
  }

  #checkParts(): boolean {
    const { kernel, epolls } = this.#queue;
    if (this.repair()) {
      epolls.others.check();
      return true;
    }
    kernel.queues.leave(this.#queue);
    return false;
  }
}
