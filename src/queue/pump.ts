import type { Watch } from '../ffi/index.js';
import {
  clearImmediate,
  now,
  queueMicrotask,
  setImmediate,
  type Timer,
} from '../host/index.js';
import { type Checked, descriptorChecks } from './descriptor-checks.js';
import type { PendingEvents } from './pending-events.js';
import { WaitList } from './wait-list.js';

/**
 * After this many collections in one turn of the event loop, timers and I/O run
 * first, however many events are pending.
 */
const COLLECTIONS_PER_TURN = 64;
/** The same after this many milliseconds, if handling an event takes long. */
const TURN_MS = 4;

/** A consumer that waits for events. */
export interface Waiter {
  /** The maximum number of events to consume. */
  readonly max: number;
  /** Consume pending events. There is at least one. */
  deliver(pending: PendingEvents): void;
  /** Collecting failed. */
  fail(error: unknown): void;
  /** The queue was closed. */
  end(): void;
}

/** The pump's view of a queue. */
export interface PumpSource {
  /** The queue itself. A pending wait keeps it from being garbage-collected. */
  readonly queue: object;
  /** Collect into the pending events, without waiting. */
  collect(max: number): void;
  /** The watch of the queue's descriptor, made at the first call. */
  watch(): Watch;
  /** @throws {KqueueError} If the descriptor is no queue any more. */
  check(): void;
}

/**
 * Delivers events to waiters in the order in which they began to wait. It polls
 * before it waits, and watches the descriptor only while there are waiters and
 * no event is pending.
 */
export class Pump implements Checked {
  readonly #source: PumpSource;
  readonly #pending: PendingEvents;
  readonly #waiters = new WaitList<Waiter>();
  #collections = 0;
  #turnEnds = 0;
  #isRunning = false;
  /** The caller has just polled, and found no event. */
  #isDrained = false;
  #watch: Watch | undefined;
  #immediate: Timer | undefined;
  #isReferenced = true;
  place = -1;

  constructor(source: PumpSource, pending: PendingEvents) {
    this.#source = source;
    this.#pending = pending;
  }

  /**
   * Collect at once, unless a waiter is first. Returns whether events are
   * pending. A waiter that is added because there are none needs no second
   * poll.
   */
  tryCollect(max: number): boolean {
    if (this.#waiters.first !== undefined || this.#isRunning) return false;
    if (!this.#pending.isEmpty) return true;
    if (this.#isTurnOver()) return false;
    this.#source.collect(max);
    this.#isDrained = this.#pending.isEmpty;
    return !this.#isDrained;
  }

  /** Append a waiter. */
  add(waiter: Waiter): void {
    this.#waiters.add(waiter);
    this.run();
  }

  /** Append a waiter that is served in the next microtask. */
  addLater(waiter: Waiter): void {
    this.#waiters.add(waiter);
    queueMicrotask(this.run);
  }

  remove(waiter: Waiter): void {
    if (!this.#waiters.delete(waiter)) return;
    if (this.#waiters.first === undefined) this.#stop();
  }

  setRef(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    this.#watch?.reference(isReferenced);
    if (isReferenced) this.#immediate?.ref();
    else this.#immediate?.unref();
  }

  /** End all waits. */
  close(): void {
    this.#stop();
    for (const waiter of this.#waiters.takeAll()) waiter.end();
  }

  /** Fail all waits. */
  fail(error: unknown): void {
    this.#stop();
    for (const waiter of this.#waiters.takeAll()) waiter.fail(error);
  }

  /**
   * Fail all waits if the descriptor was closed, because its watch does not
   * fire.
   */
  check(): void {
    try {
      this.#source.check();
      this.#watch?.check();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Deliver until there are no more waiters, or no more events. */
  readonly run = (): void => {
    // A consumer may wait again while it is being served.
    if (this.#isRunning || this.#immediate !== undefined) return;
    this.#isRunning = true;
    try {
      this.#deliver();
    } catch (error) {
      this.fail(error);
    } finally {
      this.#isRunning = false;
      this.#isDrained = false;
    }
  };

  #deliver(): void {
    for (;;) {
      const waiter = this.#waiters.first;
      if (waiter === undefined) break;
      if (this.#pending.isEmpty) {
        if (!this.#isDrained) {
          if (this.#isTurnOver()) {
            this.#yield();
            return;
          }
          this.#source.collect(waiter.max);
        }
        this.#isDrained = false;
        if (this.#pending.isEmpty) {
          this.#watch ??= this.#source.watch();
          this.#watch.start(this.#onReadable, this.#isReferenced);
          descriptorChecks.add(this);
          return;
        }
      }
      this.#waiters.delete(waiter);
      waiter.deliver(this.#pending);
    }
    this.#stop();
  }

  /** Count a collection. Returns whether the event loop must run first. */
  #isTurnOver(): boolean {
    // Most turns have two collections, of an event and of nothing, which need
    // not read the clock.
    if (this.#collections === 2) this.#turnEnds = now() + TURN_MS;
    else if (this.#collections > 2 && now() > this.#turnEnds) return true;
    return ++this.#collections > COLLECTIONS_PER_TURN;
  }

  readonly #onReadable = (): void => {
    this.#collections = 0;
    this.run();
  };

  /** Deliver now, as in a new turn of the event loop. */
  readonly runTurn = (): void => {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#onReadable();
  };

  /** Continue in the next turn of the event loop. */
  #yield(): void {
    this.#watch?.rest();
    this.#immediate = setImmediate(this.runTurn);
    if (!this.#isReferenced) this.#immediate.unref();
  }

  /** Neither watch the descriptor nor continue in the next turn. */
  #stop(): void {
    descriptorChecks.delete(this);
    this.#watch?.rest();
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }
}
