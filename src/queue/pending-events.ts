import type { KqueueEvent } from './event.js';
import type { Registration, Registry } from './registry.js';

/** Longer arrays are not kept for the next events. */
const MAX_KEPT = 4096;

/**
 * Events that were collected and not yet delivered, oldest first. If the
 * program ends a registration meanwhile, its events are not delivered.
 */
export class PendingEvents {
  readonly #registry: Registry;
  /** A consumer that takes all of them gets the array itself. */
  #events: KqueueEvent[] = [];
  /**
   * The registration of each event. The array is reused, so it may be longer.
   */
  #registrations: (Registration | undefined)[] = [];
  #head = 0;
  /** `registry.dropCount` when the first event was added. */
  #dropCount = 0;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  push(event: KqueueEvent, registration: Registration | undefined): void {
    const index = this.#events.length;
    if (index === 0) this.#dropCount = this.#registry.dropCount;
    this.#events.push(event);
    this.#registrations[index] = registration;
  }

  /** Remove and return the oldest; `undefined` if there is none. */
  shift(): KqueueEvent | undefined {
    while (this.#head < this.#events.length) {
      const event = this.#events[this.#head];
      const registration = this.#registrations[this.#head++];
      if (this.#head === this.#events.length) this.clear();
      if (registration === undefined || !registration.isDropped) return event;
    }
    return undefined;
  }

  get isEmpty(): boolean {
    while (this.#head < this.#events.length) {
      const registration = this.#registrations[this.#head];
      if (registration === undefined || !registration.isDropped) return false;
      this.#head++;
    }
    if (this.#head > 0) this.clear();
    return true;
  }

  /** Remove and return the oldest, at most `max` of them. */
  shiftMany(max: number): KqueueEvent[] {
    const all = this.#events;
    const fitsAll = this.#head === 0 && all.length <= max;
    if (fitsAll && this.#dropCount === this.#registry.dropCount) {
      this.clear();
      return all;
    }
    const batch: KqueueEvent[] = [];
    while (batch.length < max) {
      const event = this.shift();
      if (event === undefined) break;
      batch.push(event);
    }
    return batch;
  }

  clear(): void {
    if (this.#registrations.length > MAX_KEPT) this.#registrations = [];
    else this.#registrations.fill(undefined, 0, this.#events.length);
    this.#events = [];
    this.#head = 0;
  }
}
