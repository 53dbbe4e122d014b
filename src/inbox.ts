import type { KqueueEvent } from './event.js';
import type { Registration } from './registry.js';

/**
 * Events that were collected and not yet given to anybody, oldest first. An
 * event whose registration the program has ended meanwhile is never given.
 */
export class Inbox {
  #events: KqueueEvent[] = [];
  #owners: (Registration | undefined)[] = [];
  #head = 0;

  push(event: KqueueEvent, owner: Registration | undefined): void {
    this.#events.push(event);
    this.#owners.push(owner);
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
    if (this.#head === 0 && this.#events.length <= max && !this.#hasDropped()) {
      const all = this.#events;
      this.#events = [];
      this.#owners.length = 0;
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

  #hasDropped(): boolean {
    for (const owner of this.#owners) if (owner?.dropped) return true;
    return false;
  }

  clear(): void {
    this.#events = [];
    this.#owners = [];
    this.#head = 0;
  }
}
