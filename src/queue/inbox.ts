import type { KqueueEvent } from './event.js';
import type { Registration, Registry } from './registry.js';

/** Room for the owners of so many is kept. */
const KEPT = 4096;

/**
 * Events that were collected and not yet given to anybody, oldest first. An
 * event whose registration the program has ended meanwhile is never given.
 */
export class Inbox {
  readonly #registry: Registry;
  /** An array goes to whoever takes all of it. */
  #events: KqueueEvent[] = [];
  /** Of as many as there are events; the array is longer, and kept. */
  #owners: (Registration | undefined)[] = [];
  #head = 0;
  /** How many registrations had been ended when the first event came in. */
  #drops = 0;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  push(event: KqueueEvent, owner: Registration | undefined): void {
    const index = this.#events.length;
    if (index === 0) this.#drops = this.#registry.drops;
    this.#events.push(event);
    this.#owners[index] = owner;
  }

  /** Take the oldest, or `undefined` if there is none. */
  shift(): KqueueEvent | undefined {
    while (this.#head < this.#events.length) {
      const event = this.#events[this.#head];
      const owner = this.#owners[this.#head++];
      if (this.#head === this.#events.length) this.clear();
      if (owner === undefined || !owner.dropped) return event;
    }
    return undefined;
  }

  /** Whether there is nothing to give. */
  get isEmpty(): boolean {
    while (this.#head < this.#events.length) {
      const owner = this.#owners[this.#head];
      if (owner === undefined || !owner.dropped) return false;
      this.#head++;
    }
    if (this.#head > 0) this.clear();
    return true;
  }

  /** Take up to `max`. */
  take(max: number): KqueueEvent[] {
    const all = this.#events;
    const isWhole = this.#head === 0 && all.length <= max;
    if (isWhole && this.#drops === this.#registry.drops) {
      this.clear();
      return all;
    }
    const taken: KqueueEvent[] = [];
    while (taken.length < max) {
      const event = this.shift();
      if (event === undefined) break;
      taken.push(event);
    }
    return taken;
  }

  clear(): void {
    if (this.#owners.length > KEPT) this.#owners = [];
    else this.#owners.fill(undefined, 0, this.#events.length);
    this.#events = [];
    this.#head = 0;
  }
}
