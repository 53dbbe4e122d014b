import {
  type KeventList,
  keventOn,
  memoryOf,
  type OpenQueue,
} from '../calls/index.js';
import { KqueueError } from '../errors.js';
import { filterAt, flagsAt, unsignedAt } from '../memory/index.js';
import { runningDecoder, runningDialect } from './codec.js';
import type { EncodedKey } from './encoder.js';
import type { PendingEvents } from './pending-events.js';
import type { Registry } from './registry.js';

/** Turns the entries of a list into pending events with their values. */
export class Delivery {
  readonly #queue: OpenQueue;
  readonly #registry: Registry;
  readonly #pending: PendingEvents;
  readonly #decode = runningDecoder().event;

  constructor(queue: OpenQueue, registry: Registry, pending: PendingEvents) {
    this.#queue = queue;
    this.#registry = registry;
    this.#pending = pending;
  }

  /** Add the events of a list to the pending events, except stale ones. */
  deliver(list: KeventList): void {
    const { EV_ERROR, EV_ONESHOT } = runningDialect().constants;
    const memory = memoryOf(list, 'deliver events', 'list', 'a KeventList');
    const { words, length } = memory;
    for (let i = 0; i < length; i++) {
      const base = i * words.stride;
      const flags = flagsAt(memory, base);
      let registration = this.#registry.findAt(memory, base + words.udata);
      let token: number | bigint;
      if (registration !== undefined) {
        token = registration.token;
      } else {
        token = unsignedAt(memory, base + words.udata);
        const filter = filterAt(memory, base);
        const ident = unsignedAt(memory, base + words.ident);
        const key = { filter, ident };
        const sameKey = this.#registry.find(key);
        if (this.#registry.isStale(token)) {
          if (sameKey === undefined) this.#deleteStale(key);
          continue;
        }
        // A trigger that another object sent has no token.
        if (token === 0) registration = sameKey;
      }
      const udata = registration?.udata;
      const optional = registration?.request.optional;
      let event = this.#decode(memory, base, udata, token, optional);
      // The registration failed: data is an errno, not a value of the filter.
      if ((flags & EV_ERROR) !== 0) {
        event = { filter: 'raw', udata, raw: event.raw };
      }
      this.#pending.push(event, registration);
      if ((flags & EV_ONESHOT) !== 0 && registration !== undefined) {
        this.#registry.remove(registration);
      }
    }
  }

  /** Delete the rest of a registration that has ended from the kernel. */
  #deleteStale(key: EncodedKey): void {
    const { EV_DELETE } = runningDialect().constants;
    try {
      keventOn(this.#queue, [{ ...key, flags: EV_DELETE }], null, 0);
    } catch (error) {
      // The kernel itself drops a knote when its descriptor is closed.
      if (!(error instanceof KqueueError)) throw error;
    }
  }
}
