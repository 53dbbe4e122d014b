import type { KqueueEvent } from './event.js';
import type { Registration } from './registry.js';

/** Longer arrays are not kept for the next events. */
const MAX_KEPT = 4096;

/**
 * Events that were collected and not yet delivered, oldest first. If the
 * program ends a registration meanwhile, its events are not delivered.
 */
export class PendingEvents {
  /**
   * The events, from `#head` to `#end`. The arrays are reused, because an array
   * that becomes empty frees its memory. So they may be longer.
   */
  #events: (KqueueEvent | undefined)[] = [];
  /** The registration of each event. */
  #registrations: (Registration | undefined)[] = [];
  #head = 0;
  #end = 0;

  push(event: KqueueEvent, registration: Registration | undefined): void {
    this.#events[this.#end] = event;
    this.#registrations[this.#end++] = registration;
  }

  /** Remove and return the oldest; `undefined` if there is none. */
  shift(): KqueueEvent | undefined {
    while (this.#head < this.#end) {
      const event = this.#events[this.#head];
      const registration = this.#registrations[this.#head++];
      if (this.#head === this.#end) this.clear();
      if (registration === undefined || !registration.isDropped) return event;
    }
    return undefined;
  }

  get isEmpty(): boolean {
    while (this.#head < this.#end) {
      const registration = this.#registrations[this.#head];
      if (registration === undefined || !registration.isDropped) return false;
      this.#head++;
    }
    if (this.#head > 0) this.clear();
    return true;
  }

  /** Remove and return the oldest, at most `max` of them. */
  shiftMany(max: number): KqueueEvent[] {
    if (this.#head === 0 && this.#end <= max) {
      // They have just been collected, so none of them was dropped since. The
      // consumer gets the array itself.
      const all = this.#events;
      all.length = this.#end;
      this.#events = [];
      this.clear();
      return all as KqueueEvent[];
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
    if (this.#end > MAX_KEPT) {
      this.#events = [];
      this.#registrations = [];
    } else {
      // Array.prototype.fill is slow for few items.
      const { length } = this.#events;
      for (let i = 0; i < this.#end; i++) {
        this.#registrations[i] = undefined;
        if (i < length) this.#events[i] = undefined;
      }
    }
    this.#head = 0;
    this.#end = 0;
  }
}
