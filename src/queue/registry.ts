import { type KeventMemory, unsignedAt } from '../memory/index.js';
import type { Encoded, EncodedKey } from './encoder.js';

/** One registration, and the value that its events come with. */
export interface Registration {
  /** What the kernel carries as udata. */
  token: number;
  /** As it was asked for: every later change has to say it again. */
  request: Encoded;
  udata: unknown;
  /** The program ended it, so events it still has waiting are for nobody. */
  dropped: boolean;
}

/** Tokens of a kernel whose udata has 64 bits, and of one with 32. */
const WIDE_BASE = 2 ** 52;
const NARROW_BASE = 2 ** 31;
/** The high word of the first 2**32 wide tokens. */
const WIDE_HIGH = WIDE_BASE / 2 ** 32;

/**
 * The registrations of a queue, by the token that the kernel carries for each.
 * A token is never used twice, so an event that carries an old one is known to
 * be stale. Tokens lie where no address and no small number does, so they are
 * not mistaken for what others put into udata.
 */
export class Registry {
  readonly #base: number;
  #last = 0;
  /** How many the program has ended, or replaced, so far. */
  drops = 0;
  readonly #byToken = new Map<number, Registration>();
  readonly #byFilter = new Map<number, Map<number | bigint, Registration>>();

  constructor(wide: boolean) {
    this.#base = wide ? WIDE_BASE : NARROW_BASE;
  }

  /** How many registrations there are. */
  get size(): number {
    return this.#byToken.size;
  }

  /** Make a registration, which counts only from {@link add} on. */
  create(request: Encoded, udata: unknown): Registration {
    this.#last = (this.#last + 1) % this.#base;
    const none = undefined as unknown as number;
    const made = { token: none, request, udata, dropped: false };
    // What begins as no number V8 keeps as an object, which events share.
    made.token = this.#base + this.#last;
    return made;
  }

  /** What was asked for, oldest first. */
  *requests(): IterableIterator<Encoded> {
    for (const { request } of this.#byToken.values()) yield request;
  }

  find({ filter, ident }: EncodedKey): Registration | undefined {
    return this.#byFilter.get(filter)?.get(ident);
  }

  /** The registration whose token is the udata at a word of a record. */
  at(memory: KeventMemory, at: number): Registration | undefined {
    const { i32 } = memory;
    // As a small integer, which V8 finds quickest.
    return i32[at] >= 0 && i32[at + 1] === WIDE_HIGH && this.#base === WIDE_BASE
      ? this.#byToken.get(i32[at])
      : this.byToken(unsignedAt(memory, at));
  }

  /** The registration of an event's udata. */
  byToken(token: number | bigint): Registration | undefined {
    return typeof token === 'number'
      ? this.#byToken.get(token - this.#base)
      : undefined;
  }

  /** Whether one of our tokens was given out, but is no more in use. */
  isStale(token: number | bigint): boolean {
    const serial = Number(token) - this.#base;
    return serial > 0 && serial < this.#base && !this.#byToken.has(serial);
  }

  /** Enter a registration; one with the same key is replaced. */
  add(registration: Registration): void {
    const { filter, ident } = registration.request;
    let byIdent = this.#byFilter.get(filter);
    if (byIdent === undefined) {
      byIdent = new Map();
      this.#byFilter.set(filter, byIdent);
    }
    const old = byIdent.get(ident);
    if (old !== undefined) {
      old.dropped = true;
      this.drops++;
      this.#byToken.delete(old.token - this.#base);
    }
    byIdent.set(ident, registration);
    this.#byToken.set(registration.token - this.#base, registration);
  }

  /** The kernel has ended it: its value goes, its last event is delivered. */
  end(registration: Registration): void {
    const { filter, ident } = registration.request;
    this.#byToken.delete(registration.token - this.#base);
    const byIdent = this.#byFilter.get(filter);
    if (byIdent?.get(ident) === registration) byIdent.delete(ident);
  }

  /** The program has ended it: events that still wait are dropped. */
  drop(registration: Registration): void {
    registration.dropped = true;
    this.drops++;
    this.end(registration);
  }

  clear(): void {
    this.#byToken.clear();
    this.#byFilter.clear();
  }
}
