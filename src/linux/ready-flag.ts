import { EPOLLIN, EPOLLONESHOT, OUTER_READY } from './constants.js';
import type { Queue } from './queue.js';

/** How the queue's descriptor is kept readable. */
const OFF = 0;
/** Until it is polled: most pending events are then collected. */
const ONCE = 1;
const LEVEL = 2;

/**
 * Makes the descriptor of a queue readable while events are pending: an
 * eventfd in the outer epoll that is always readable, and asked for only then.
 */
export class ReadyFlag {
  readonly #queue: Queue;
  readonly #eventfd: number;
  #state = OFF;
  /** Events were pending already at the last {@link update}. */
  #wasPending = false;

  constructor(queue: Queue, eventfd: number) {
    this.#queue = queue;
    this.#eventfd = eventfd;
  }

  /** Put the eventfd into the outer epoll: -1 if that fails. */
  connect(): number {
    const { kernel, fd } = this.#queue;
    return kernel.epoll.add(fd, this.#eventfd, 0, OUTER_READY, 0);
  }

  /** The outer epoll reported the eventfd. */
  reported(): void {
    if (this.#state !== ONCE) return;
    this.#state = OFF;
    this.#queue.kernel.scheduleSync(this.#queue);
  }

  /** Make the descriptor readable exactly while events are pending. */
  update(isPending: boolean): void {
    if (isPending) {
      // Pending for a second time, there is more than one call collects.
      if (this.#state === OFF) this.#set(this.#wasPending ? LEVEL : ONCE);
    } else if (this.#state !== OFF) {
      this.#set(OFF);
    }
    this.#wasPending = isPending;
  }

  /** Make the descriptor readable though no event is pending, or not again. */
  force(on: boolean): void {
    this.#set(on ? LEVEL : OFF);
  }

  close(): void {
    this.#queue.kernel.libc.close(this.#eventfd);
  }

  #set(state: number): void {
    this.#state = state;
    const bits =
      state === OFF ? 0 : state === LEVEL ? EPOLLIN : EPOLLIN | EPOLLONESHOT;
    const { kernel, fd } = this.#queue;
    const { epoll } = kernel;
    if (epoll.modify(fd, this.#eventfd, bits, OUTER_READY, 0) >= 0) return;
    // Whoever polls the queue would not hear of pending events.
    epoll.modify(fd, this.#eventfd, bits, OUTER_READY, 0);
  }
}
