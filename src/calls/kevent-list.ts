import { misuse, throwBadInteger } from '../errors.js';
import {
  allocate,
  encode,
  entryAt,
  fflagsAt,
  filterAt,
  flagsAt,
  INSPECT,
  type InspectOptions,
  type Kevent,
  type KeventInit,
  type KeventMemory,
  KeventRecord,
  type KeventWords,
  readPattern,
  readSigned,
  signedAt,
  unsignedAt,
} from '../memory/index.js';
import { inspectList } from './inspect-list.js';
import { currentWords, currentWords64 } from './running-kernel.js';

const MAX_CAPACITY = 2 ** 20;
let isList: (value: unknown) => value is KeventList;
let memoryOfList: (value: unknown) => KeventMemory | undefined;

/**
 * A `struct kevent[]` of fixed capacity, in memory that the kernel reads and
 * writes. Create it once and reuse it for every call.
 *
 * Entries have the layout of the running kernel. The readers, such as
 * {@link KeventList.ident}, allocate nothing for small numbers (V8 boxes integers
 * of more than 31 bits). {@link KeventList.get} creates an object.
 *
 * @example
 * ```ts
 * import { close, EV_ADD, EVFILT_USER, kevent, KeventList, kqueue, NOTE_TRIGGER } from 'kqueue-ffi';
 *
 * const kq = kqueue();
 * const events = new KeventList(64);
 * kevent(kq, [{ ident: 1, filter: EVFILT_USER, flags: EV_ADD, fflags: NOTE_TRIGGER }], null);
 * const n = kevent(kq, null, events, 0);
 * for (let i = 0; i < n; i++) console.log(events.ident(i), events.filter(i));
 * close(kq);
 * ```
 */
export class KeventList implements Iterable<Kevent> {
  readonly #memory: KeventMemory;

  static {
    memoryOfList = (value) => {
      try {
        // Testing for the property first would be slower.
        return (value as KeventList).#memory;
      } catch {
        return undefined;
      }
    };
    isList = (value): value is KeventList => memoryOfList(value) !== undefined;
  }

  /**
   * @param capacity The maximum number of entries: 1 to 2**20.
   * @throws {TypeError} If the capacity is not a number.
   * @throws {RangeError} If it is not an integer in that range.
   */
  constructor(capacity: number) {
    if (
      typeof capacity !== 'number' ||
      !Number.isInteger(capacity) ||
      capacity < 1 ||
      capacity > MAX_CAPACITY
    ) {
      throwBadInteger(
        'create a KeventList',
        'capacity',
        'an integer from 1 to 2**20',
        capacity,
      );
    }
    // Tests pass in the layout of another kernel: see listFor.
    this.#memory = allocate(capacity, foreignWords ?? wordsFor(new.target));
  }

  /**
   * Create a list of exactly these kevents.
   *
   * @throws {TypeError | RangeError} As {@link KeventList.push}; also without
   * arguments.
   */
  static of(...kevents: readonly KeventInit[]): KeventList {
    const list = new this(kevents.length);
    for (const kevent of kevents) list.push(kevent);
    return list;
  }

  /** The maximum number of entries: `nevents` when used as an event list. */
  get capacity(): number {
    return this.#memory.capacity;
  }

  /** The number of entries: `nchanges` when used as a change list. */
  get length(): number {
    return this.#memory.length;
  }

  /** Remove all entries. The capacity stays the same. */
  clear(): void {
    this.#memory.length = 0;
  }

  /**
   * Append one entry.
   *
   * @throws {TypeError} If it is not an object or a field has a wrong type.
   * @throws {RangeError} If a field does not fit, or the list is full. The list
   * is not changed.
   */
  push(kevent: KeventInit): void {
    encode(this.#memory, 'next', kevent);
  }

  /**
   * Return a copy of entry `index` as an object. `JSON.stringify` writes its bigints
   * as numbers where that is exact, and otherwise as strings of decimal digits.
   *
   * @throws {RangeError} If there is no such entry. All readers throw it.
   */
  get(index: number): Kevent {
    const memory = this.#memory;
    const { words } = memory;
    const base = entryAt(memory, index);
    const kevent = new KeventRecord(
      unsignedAt(memory, base + words.ident),
      filterAt(memory, base),
      flagsAt(memory, base),
      fflagsAt(memory, base),
      signedAt(memory, base + words.data),
      readPattern(memory, base + words.udata, words.widePointers),
    );
    if (words.extCount > 0) {
      kevent.ext = Array.from({ length: words.extCount }, (_, i) =>
        readPattern(memory, base + words.ext + 2 * i, true),
      );
    }
    return kevent;
  }

  /** `ident` as a number where it is a safe integer, else as a bigint. */
  ident(index: number): number | bigint {
    const memory = this.#memory;
    return unsignedAt(memory, entryAt(memory, index) + memory.words.ident);
  }

  /** `filter`, signed except on NetBSD, where it is unsigned. */
  filter(index: number): number {
    const memory = this.#memory;
    return filterAt(memory, entryAt(memory, index));
  }

  /** `flags`, unsigned. */
  flags(index: number): number {
    const memory = this.#memory;
    return flagsAt(memory, entryAt(memory, index));
  }

  /** `fflags`, unsigned. */
  fflags(index: number): number {
    const memory = this.#memory;
    return fflagsAt(memory, entryAt(memory, index));
  }

  /** `data`, signed: a number where it is a safe integer, else a bigint. */
  data(index: number): number | bigint {
    const memory = this.#memory;
    return signedAt(memory, entryAt(memory, index) + memory.words.data);
  }

  /** `udata`, unsigned: a number where it is a safe integer, else a bigint. */
  udata(index: number): number | bigint {
    const memory = this.#memory;
    return unsignedAt(memory, entryAt(memory, index) + memory.words.udata);
  }

  /** All bits of `ident`, unsigned. */
  identBigInt(index: number): bigint {
    const memory = this.#memory;
    const { words } = memory;
    const at = entryAt(memory, index) + words.ident;
    return readPattern(memory, at, words.widePointers);
  }

  /** All bits of `data`, signed. */
  dataBigInt(index: number): bigint {
    const memory = this.#memory;
    const { words } = memory;
    const at = entryAt(memory, index) + words.data;
    return readSigned(memory, at, words.wideData);
  }

  /** All bits of `udata`, unsigned. */
  udataBigInt(index: number): bigint {
    const memory = this.#memory;
    const { words } = memory;
    const at = entryAt(memory, index) + words.udata;
    return readPattern(memory, at, words.widePointers);
  }

  /** Iterate over copies of the entries, in order. */
  *[Symbol.iterator](): IterableIterator<Kevent> {
    for (let i = 0; i < this.#memory.length; i++) yield this.get(i);
  }

  /** The entries, for `JSON.stringify`. */
  toJSON(): Kevent[] {
    // An object that only inherits from a list has no private fields.
    return #memory in this ? [...this] : [];
  }

  /** For util.inspect: the entries as {@link explain} prints them. */
  [INSPECT](depth: number, options?: InspectOptions): string {
    // An object that only inherits from a list has no private fields.
    if (!(#memory in this)) return 'KeventList {}';
    return inspectList(this, this.#memory, depth, options);
  }
}

/**
 * A list of `struct kevent64_s`, for {@link kevent64}. All fields have 64 bits on
 * any CPU, and `ext` holds two more words. Available on Darwin, and on Linux with
 * the built-in kqueue.
 *
 * @example
 * ```ts
 * import { close, EV_ADD, EVFILT_TIMER, Kevent64List, kevent64, kqueue } from 'kqueue-ffi';
 *
 * const kq = kqueue();
 * const events = new Kevent64List(4);
 * const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 5 };
 * kevent64(kq, [timer], events, 0, 1000); // 1
 * close(kq);
 * ```
 */
export class Kevent64List extends KeventList {}

const wordsFor = ({ prototype }: typeof KeventList): KeventWords =>
  prototype instanceof Kevent64List || prototype === Kevent64List.prototype
    ? currentWords64()
    : currentWords();

/** The layout of a list that is made for another kernel than the running one. */
let foreignWords: KeventWords | undefined;

/** Make a list with another kernel's layout, to read or write its bytes. */
export function listFor(layout: KeventWords, capacity: number): KeventList {
  foreignWords = layout;
  try {
    return new KeventList(capacity);
  } finally {
    foreignWords = undefined;
  }
}

/**
 * The memory of a list.
 *
 * @throws {TypeError} If the value is not a list.
 */
export function memoryOf(
  list: unknown,
  action: string,
  name: string,
  expected: string,
): KeventMemory {
  const memory = memoryOfList(list);
  if (memory !== undefined) return memory;
  throw new TypeError(misuse(action, name, expected, list));
}

export { isList };
