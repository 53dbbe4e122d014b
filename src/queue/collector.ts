import {
  KeventList,
  keventOn,
  memoryOf,
  type OpenQueue,
} from '../calls/index.js';
import { KqueueError } from '../errors.js';
import { now } from '../host/index.js';
import { encode, flagsAt } from '../memory/index.js';
import { runningDialect } from './codec.js';
import { Delivery } from './delivery.js';
import { checkTimeout, MAX_TIMEOUT } from './options.js';
import type { PendingEvents } from './pending-events.js';
import type { Registration, Registry } from './registry.js';

/** How many times a poll is repeated that a signal interrupted. */
const MAX_POLLS = 1000;
/** The maximum number of events of one kevent call. */
const MAX_BATCH = 1024;

/** Collects the events of one queue: the calls of kevent without changes. */
export class Collector {
  readonly #queue: OpenQueue;
  readonly #registry: Registry;
  readonly #pending: PendingEvents;
  readonly #delivery: Delivery;
  readonly #lists = new Map<number, KeventList>();
  /** One-shot registrations whose event the last `fill` returned. */
  #firedOneShots: Registration[] = [];
  /** By token, values of pending events that the last `fill` returned. */
  readonly #filledValues = new Map<number | bigint, unknown>();

  constructor(queue: OpenQueue, registry: Registry, pending: PendingEvents) {
    this.#queue = queue;
    this.#registry = registry;
    this.#pending = pending;
    this.#delivery = new Delivery(queue, registry, pending);
  }

  /**
   * Collect events into the pending events.
   *
   * @returns How many entries the kernel wrote, stale ones included.
   */
  collect(max: number, timeout: number | null): number {
    this.#endFilled();
    const list = this.#listFor(max);
    const count = this.#call(list, timeout);
    this.#delivery.deliver(list);
    return count;
  }

  /** Block until an event is pending or the time runs out. */
  wait(max: number, timeout: number | null): void {
    const deadline = deadlineOf(timeout);
    let left = timeout;
    while (this.#pending.isEmpty) {
      const count = this.collect(max, left);
      // All events may have been stale: wait for the rest of the time.
      if (count === 0 || left === 0) break;
      if (left !== null) left = Math.max(0, deadline - now());
    }
  }

  /** {@link Kqueue.fill} */
  fill(list: KeventList, timeout: number | null): number {
    const action = 'fill a list';
    const memory = memoryOf(list, action, 'list', 'a KeventList');
    checkTimeout(timeout, action, MAX_TIMEOUT * 1000);
    this.#endFilled();
    if (!this.#pending.isEmpty) {
      memory.length = 0;
      while (memory.length < memory.capacity) {
        const event = this.#pending.shift();
        if (event === undefined) break;
        encode(memory, 'next', event.raw);
        this.#filledValues.set(event.raw.udata, event.udata);
      }
      return memory.length;
    }
    const count = this.#call(list, timeout);
    const { EV_ONESHOT } = runningDialect().constants;
    for (let i = 0; i < count; i++) {
      const base = i * memory.words.stride;
      if ((flagsAt(memory, base) & EV_ONESHOT) === 0) continue;
      const word = base + memory.words.udata;
      const registration = this.#registry.findAt(memory, word);
      if (registration !== undefined) this.#firedOneShots.push(registration);
    }
    return count;
  }

  /** {@link Kqueue.udataOf} */
  udataOf(list: KeventList, index: number): unknown {
    memoryOf(list, 'read a KeventList', 'list', 'a KeventList');
    // A subclass may have overridden the method.
    const token = KeventList.prototype.udata.call(list, index);
    const registration = this.#registry.findByToken(token);
    return registration?.udata ?? this.#filledValues.get(token);
  }

  clear(): void {
    this.#firedOneShots = [];
    this.#filledValues.clear();
  }

  /** Drop the values of the last `fill`, which are no longer needed. */
  #endFilled(): void {
    if (this.#filledValues.size > 0) this.#filledValues.clear();
    if (this.#firedOneShots.length === 0) return;
    for (const fired of this.#firedOneShots) this.#registry.remove(fired);
    this.#firedOneShots = [];
  }

  #listFor(max: number): KeventList {
    const capacity = Math.min(max, MAX_BATCH);
    let list = this.#lists.get(capacity);
    if (list === undefined) {
      list = new KeventList(capacity);
      this.#lists.set(capacity, list);
    }
    return list;
  }

  /** A call without changes can be repeated if a signal interrupts it. */
  #call(list: KeventList, timeout: number | null): number {
    const deadline = deadlineOf(timeout);
    let polls = 0;
    for (let left = timeout; ; ) {
      try {
        return keventOn(this.#queue, null, list, left);
      } catch (error) {
        if (!(error instanceof KqueueError && error.code === 'EINTR')) {
          throw error;
        }
        // A poll must end as well.
        if (left === 0 && ++polls > MAX_POLLS) throw error;
        if (left !== null) left = Math.max(0, deadline - now());
      }
    }
  }
}

/** The end of a wait. A poll does not read the clock. */
const deadlineOf = (timeout: number | null): number => {
  if (timeout === null) return Infinity;
  return timeout === 0 ? 0 : now() + timeout;
};
