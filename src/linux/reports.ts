import { OUTER_INNER, OUTER_READY, OUTER_SIDE } from './constants.js';
import { MAX_ROUNDS } from './inner-epolls.js';
import type { Queue } from './queue.js';

/** Reports of the outer epoll of one queue: the events of the last wait. */
export class Reports {
  readonly #queue: Queue;
  /** The epolls to drain: a copy, because draining reuses the memory. */
  #parts = new Int32Array(8);
  /** Whether it is posting: queues may watch each other in a circle. */
  isPosting = false;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Poll the outer epoll, and post what it reports. */
  poll(): void {
    const { kernel, fd } = this.#queue;
    this.post(kernel.epoll.poll(fd));
  }

  /**
   * Post the edges that were reported, in order, and those of the epolls that
   * were reported. False if the report is another epoll's.
   */
  post(count: number): boolean {
    const { epolls, kernel, fd } = this.#queue;
    const { epoll, identity } = kernel;
    let n = count;
    for (let round = 0; n > 0 && round < MAX_ROUNDS; round++) {
      if (!this.#isOwn(n) && !identity.isQueue(this.#queue, fd)) {
        this.#giveBack(n);
        return false;
      }
      const hasDrained = this.#post(n);
      if (n < epoll.maxEvents && !(hasDrained && epolls.side >= 0)) break;
      // A drained epoll keeps its old position in the outer epoll until that is
      // polled again. Next time it would be reported too early.
      n = epoll.poll(fd);
    }
    return true;
  }

  /** Whether one of the events shows that this queue's epoll reported them. */
  #isOwn(n: number): boolean {
    const { epoll } = this.#queue.kernel;
    for (let i = 0; i < n; i++) {
      if (this.isOwn(epoll.low(i), epoll.high(i))) return true;
    }
    return false;
  }

  /** Whether words of an entry are those of the queue's own epoll. */
  isOwn(low: number, high: number): boolean {
    const { epolls, token } = this.#queue;
    return low < 0 ? high === token : epolls.members.hasHad(high);
  }

  /** Another epoll reported events: do not lose its edges. */
  #giveBack(n: number): void {
    const { kernel, fd } = this.#queue;
    const owner = kernel.queues.all().find(({ reports }) => reports.#isOwn(n));
    // A queue below may have lost its descriptor to the owner, which polls it.
    if (owner === undefined || owner.reports.isPosting) {
      kernel.epoll.rearm(fd, n);
    } else {
      owner.reports.#post(n);
    }
  }

  /** Post what was reported. True if there were epolls to drain. */
  #post(n: number): boolean {
    const { epolls, nesting, readyFlag, repairs, kernel } = this.#queue;
    if (this.#parts.length < n) this.#parts = new Int32Array(n);
    const parts = this.#parts;
    let count = 0;
    let hasSources = false;
    for (let i = 0; i < n; i++) {
      const low = kernel.epoll.low(i);
      if (low === OUTER_READY) readyFlag.reported();
      else if (low < 0) parts[count++] = low;
      else hasSources = true;
    }
    if (hasSources) epolls.post(n);
    let isOpen = true;
    let hasPolled = false;
    this.isPosting = true;
    try {
      for (let i = 0; i < count; i++) {
        const part = parts[i];
        if (part === OUTER_INNER) isOpen = epolls.drain('inner') && isOpen;
        else if (part === OUTER_SIDE) isOpen = epolls.drain('side') && isOpen;
        else if (!hasPolled) {
          // It polls all children, however many are reported.
          hasPolled = true;
          nesting.pollChildren();
        }
      }
    } finally {
      this.isPosting = false;
    }
    // A closed part that has an open duplicate would be reported for ever.
    if (!isOpen) repairs.check();
    return count > 0;
  }
}
