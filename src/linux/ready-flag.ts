import type { Libc } from '../ffi/index.js';
import {
  CLOEXEC,
  EPOLLIN,
  EPOLLONESHOT,
  NONBLOCK,
  OUTER_READY,
} from './constants.js';
import type { Queue } from './queue.js';

/** How the queue's descriptor is kept readable. */
const OFF = 0;
/** Until it is polled: most pending events are then collected. */
const ONCE = 1;
const LEVEL = 2;

const BITS = [0, EPOLLIN | EPOLLONESHOT, EPOLLIN] as const;

/** Nearly unique, in all threads; a count of an eventfd, so not 0. */
export const newToken = (): number =>
  1 + Math.floor(Math.random() * 0x7ffffffe);

/** An eventfd with a count, which nobody reads, for a flag: -1 if it fails. */
export const openEventfd = (libc: Libc, count: number): number =>
  libc.eventfd(count, CLOEXEC | NONBLOCK);

/**
 * Makes the descriptor of a queue readable while events are pending: an
 * eventfd in the outer epoll that is always readable, and asked for only then.
 */
export class ReadyFlag {
  readonly #queue: Queue;
  eventfd: number;
  #state: 0 | 1 | 2 = OFF;
  /** Events were pending already at the last {@link update}. */
  #wasPending = false;

  constructor(queue: Queue, eventfd: number) {
    this.#queue = queue;
    this.eventfd = eventfd;
  }

  /** Put the eventfd into the outer epoll: -1 if that fails. */
  connect(): number {
    const { kernel, fd, token } = this.#queue;
    const bits = BITS[this.#state];
    return kernel.epoll.add(fd, this.eventfd, bits, OUTER_READY, token);
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

  /**
   * Make the descriptor readable in advance, where an event is expected. This
   * fails if it is the queue's no more: false.
   */
  expect(): boolean {
    const isOff = this.#state === OFF;
    if (isOff) this.#state = ONCE;
    if (!this.#modify() && !this.#modify()) {
      if (isOff) this.#state = OFF;
      return false;
    }
    this.#queue.kernel.scheduleSync(this.#queue);
    return true;
  }

  /** The eventfd was closed elsewhere: false if no other can be had. */
  reopen(): boolean {
    const { kernel, token } = this.#queue;
    const eventfd = openEventfd(kernel.libc, token);
    if (eventfd < 0) return false;
    kernel.identity.release(this.eventfd, this.#queue);
    this.eventfd = eventfd;
    kernel.own(eventfd, this.#queue);
    return this.connect() >= 0;
  }

  /** Close the eventfd, unless its descriptor is another file's: see dispose. */
  close(isOpen: boolean): void {
    const { kernel } = this.#queue;
    kernel.identity.release(this.eventfd, this.#queue);
    if (isOpen) kernel.libc.close(this.eventfd);
  }

  #set(state: 0 | 1 | 2): void {
    this.#state = state;
    // A poller of the queue would miss pending events.
    if (this.#modify()) return;
    this.#queue.repairs.repair();
    this.#modify();
  }

  #modify(): boolean {
    const { kernel, fd, token } = this.#queue;
    const { epoll } = kernel;
    const bits = BITS[this.#state];
    return epoll.modify(fd, this.eventfd, bits, OUTER_READY, token) >= 0;
  }
}
