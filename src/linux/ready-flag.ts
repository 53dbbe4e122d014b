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
/** Readable until it is polled: most pending events are collected then. */
const ONCE = 1;
const LEVEL = 2;

const BITS = [0, EPOLLIN | EPOLLONESHOT, EPOLLIN] as const;

/**
 * Unique with high probability, in all threads. It is the count of an eventfd,
 * so not 0.
 */
export const newToken = (): number =>
  1 + Math.floor(Math.random() * 0x7ffffffe);

/**
 * Open an eventfd with a count that is never read, for a flag: -1 if it fails.
 */
export const openEventfd = (libc: Libc, count: number): number =>
  libc.eventfd(count, CLOEXEC | NONBLOCK);

/**
 * Makes the descriptor of a queue readable while events are pending. An eventfd
 * that is always readable is armed in the outer epoll only then.
 */
export class ReadyFlag {
  readonly #queue: Queue;
  eventfd: number;
  #state: 0 | 1 | 2 = OFF;
  /** Whether events were pending at the last {@link update}. */
  #wasPending = false;

  constructor(queue: Queue, eventfd: number) {
    this.#queue = queue;
    this.eventfd = eventfd;
  }

  /** Add the eventfd to the outer epoll: -1 if that fails. */
  connect(): number {
    const { kernel, fd, token } = this.#queue;
    const bits = BITS[this.#state];
    return kernel.epoll.add(fd, this.eventfd, bits, OUTER_READY, token);
  }

  /** Nothing but edges makes the descriptor readable. */
  get isOff(): boolean {
    return this.#state === OFF;
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
      // Pending twice in a row: one call does not collect all events.
      if (this.#state === OFF) this.#set(this.#wasPending ? LEVEL : ONCE);
    } else if (this.#state !== OFF) {
      this.#set(OFF);
    }
    this.#wasPending = isPending;
  }

  /**
   * Make the descriptor readable although no event is pending, or undo that.
   */
  force(on: boolean): void {
    this.#set(on ? LEVEL : OFF);
  }

  /** Other code closed the eventfd. Returns false if it cannot be replaced. */
  reopen(): boolean {
    const { kernel, token } = this.#queue;
    if (kernel.identity.recoverEventfd(this.#queue)) {
      this.#queue.own(this.eventfd, this);
      // The state may have changed while the entry could not be modified.
      return this.#modify();
    }
    const eventfd = openEventfd(kernel.libc, token);
    if (eventfd < 0) return false;
    kernel.identity.release(this.eventfd, this);
    this.eventfd = eventfd;
    this.#queue.own(eventfd, this);
    return this.connect() >= 0;
  }

  /** Close the eventfd, unless its descriptor is another file: see dispose. */
  close(isOpen: boolean): void {
    const { kernel } = this.#queue;
    kernel.identity.release(this.eventfd, this);
    if (isOpen) kernel.libc.close(this.eventfd);
  }

  #set(state: 0 | 1 | 2): void {
    this.#state = state;
    // Otherwise code that polls the queue would miss pending events.
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
