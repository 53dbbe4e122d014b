import { type KeventMemory, unsignedAt } from '../memory/index.js';
import type { Encoded, EncodedKey } from './encoder.js';

/** One registration, and the value of its events. */
export interface Registration {
  /** The kernel's udata. */
  token: number;
  /**
   * The request as it was sent to the kernel. Every later change repeats it.
   */
  request: Encoded;
  udata: unknown;
  /** The program ended it, so its pending events are not delivered. */
  isDropped: boolean;
}

/** The tokens for kernels whose udata has 64 bits, and 32 bits. */
const WIDE_BASE = 2 ** 52;
const NARROW_BASE = 2 ** 31;
/** The high word of the first 2**32 wide tokens. */
const WIDE_HIGH = WIDE_BASE / 2 ** 32;

/**
 * The registrations of a queue, by the token that the kernel stores for each. A
 * token is never used twice, so an event with the token of an ended
 * registration is stale. Tokens do not look like addresses or small numbers, so
 * they are not confused with the udata of other programs.
 */
export class Registry {
  readonly #base: number;
  readonly #firstSerial: number;
  #lastSerial: number;
  /**
   * Called for each registration that has ended, unless another one replaced
   * it.
   */
  onRemoved: ((registration: Registration) => void) | undefined;
  readonly #bySerial = new Map<number, Registration>();
  readonly #byFilter = new Map<number, Map<number | bigint, Registration>>();

  /**
   * @param first The number before the first token: random, because the kernel
   * may have tokens of a Kqueue that lost this queue.
   */
  constructor(isWide: boolean, first = Math.floor(Math.random() * 2 ** 30)) {
    this.#base = isWide ? WIDE_BASE : NARROW_BASE;
    this.#firstSerial = first;
    this.#lastSerial = first;
  }

  /** The number of registrations. */
  get size(): number {
    return this.#bySerial.size;
  }

  /** Create a registration. It takes effect with {@link add}. */
  create(request: Encoded, udata: unknown): Registration {
    this.#lastSerial = (this.#lastSerial + 1) % this.#base;
    const notYet = undefined as unknown as number;
    const created = { token: notYet, request, udata, isDropped: false };
    // Start as undefined: V8 then stores the double as one shared heap number
    // instead of boxing it for each event.
    created.token = this.#base + this.#lastSerial;
    return created;
  }

  /** The requests of all registrations, oldest first. */
  *requests(): IterableIterator<Encoded> {
    for (const { request } of this.#bySerial.values()) yield request;
  }

  find({ filter, ident }: EncodedKey): Registration | undefined {
    return this.#byFilter.get(filter)?.get(ident);
  }

  /** The registration whose token is the udata at a word of a record. */
  findAt(memory: KeventMemory, word: number): Registration | undefined {
    const { i32 } = memory;
    // The serial as a small integer, which V8's maps find fastest.
    return i32[word] >= 0 &&
      i32[word + 1] === WIDE_HIGH &&
      this.#base === WIDE_BASE
      ? this.#bySerial.get(i32[word])
      : this.findByToken(unsignedAt(memory, word));
  }

  findByToken(token: number | bigint): Registration | undefined {
    return typeof token === 'number'
      ? this.#bySerial.get(token - this.#base)
      : undefined;
  }

  /**
   * Whether a number without a registration is the token of one that has ended.
   */
  isStale(token: number | bigint): boolean {
    const base = this.#base;
    const serial = Number(token) - base;
    if (!(serial >= 0 && serial < base)) return false;
    // All others are not tokens of this queue.
    const age = (of: number): number => (of - this.#firstSerial + base) % base;
    return age(serial) > 0 && age(serial) <= age(this.#lastSerial);
  }

  /** Add a registration. It replaces one with the same key. */
  add(registration: Registration): void {
    const { filter, ident } = registration.request;
    let byIdent = this.#byFilter.get(filter);
    if (byIdent === undefined) {
      byIdent = new Map();
      this.#byFilter.set(filter, byIdent);
    }
    const old = byIdent.get(ident);
    if (old !== undefined) {
      old.isDropped = true;
      this.#bySerial.delete(old.token - this.#base);
    }
    byIdent.set(ident, registration);
    this.#bySerial.set(registration.token - this.#base, registration);
  }

  /**
   * Remove a registration that the kernel has ended. Its last event is still
   * delivered.
   */
  remove(registration: Registration): void {
    const { filter, ident } = registration.request;
    this.#bySerial.delete(registration.token - this.#base);
    const byIdent = this.#byFilter.get(filter);
    if (byIdent?.get(ident) !== registration) return;
    byIdent.delete(ident);
    this.onRemoved?.(registration);
  }

  /**
   * Remove a registration that the program has ended. Its pending events are
   * dropped.
   */
  drop(registration: Registration): void {
    registration.isDropped = true;
    this.remove(registration);
  }

  clear(): void {
    this.#bySerial.clear();
    this.#byFilter.clear();
  }
}
