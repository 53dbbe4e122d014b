import { misuse, throwBadInteger } from './errors.js';
import { currentWords, currentWords64 } from './kernel.js';
import {
  encode,
  type Kevent,
  type KeventInit,
  readPattern,
  readSigned,
} from './kevent.js';
import {
  allocate,
  type KeventMemory,
  type KeventWords,
} from './kevent-memory.js';

const MAX_CAPACITY = 2 ** 20;
const TWO_32 = 2 ** 32;
/** The highest and lowest high word of a safe integer. */
const SAFE_HIGH = 0x1fffff;
const SAFE_LOW = -0x200000;

let memoryOfList: (list: KeventList) => KeventMemory;
let isList: (value: unknown) => value is KeventList;

/**
 * `struct kevent[]` in memory that the kernel reads and writes, of a fixed
 * capacity: make it once, use it for every call. Reading small numbers with the
 * readers allocates nothing (V8 boxes integers of more than 31 bits);
 * {@link KeventList.get} makes an object.
 *
 * Entries have the layout of the running kernel.
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
    memoryOfList = (list) => list.#memory;
    isList = (value): value is KeventList =>
      typeof value === 'object' && value !== null && #memory in value;
  }

  /**
   * @param capacity How many entries it holds: 1 to 2**20.
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
    // A test of another kernel's layout passes it in; see listFor.
    this.#memory = allocate(capacity, words ?? wordsFor(new.target));
  }

  /**
   * A list that holds exactly these kevents.
   *
   * @throws {TypeError | RangeError} As {@link KeventList.push}; also for none.
   */
  static of(...kevents: readonly KeventInit[]): KeventList {
    const list = new this(kevents.length);
    for (const kevent of kevents) list.push(kevent);
    return list;
  }

  /** How many entries it can hold: `nevents` when used as an event list. */
  get capacity(): number {
    return this.#memory.capacity;
  }

  /** How many entries it holds: `nchanges` when used as a change list. */
  get length(): number {
    return this.#memory.length;
  }

  /** Forget all entries; the capacity stays. */
  clear(): void {
    this.#memory.length = 0;
  }

  /**
   * Append one entry.
   *
   * @throws {TypeError} If it is not an object or a field has a wrong type.
   * @throws {RangeError} If a field does not fit or the list is full. The list
   * is then as it was.
   */
  push(kevent: KeventInit): void {
    encode(this.#memory, 'next', kevent);
  }

  /**
   * Entry `index` as an object of its own.
   *
   * @throws {RangeError} If there is no such entry; so do all readers.
   */
  get(index: number): Kevent {
    const memory = this.#memory;
    const { words } = memory;
    const base = this.#at(index);
    const kevent: Kevent = {
      ident: this.ident(index),
      filter: this.filter(index),
      flags: this.flags(index),
      fflags: memory.u32[base + words.fflags],
      data: this.data(index),
      udata: readPattern(memory, base + words.udata, words.widePointers),
    };
    if (words.extCount > 0) {
      kevent.ext = Array.from({ length: words.extCount }, (_, i) =>
        readPattern(memory, base + words.ext + 2 * i, true),
      );
    }
    return kevent;
  }

  /** `ident` as a number where it is a safe integer, else as a bigint. */
  ident(index: number): number | bigint {
    return this.#unsigned(this.#at(index) + this.#memory.words.ident);
  }

  /** `filter`, signed except on NetBSD, where it is unsigned. */
  filter(index: number): number {
    const { words, i32, u32 } = this.#memory;
    const at = this.#at(index) + words.filter;
    return words.packed ? (i32[at] << 16) >> 16 : u32[at];
  }

  /** `flags`, unsigned. */
  flags(index: number): number {
    const { words, u32 } = this.#memory;
    const at = this.#at(index) + words.flags;
    return words.packed ? u32[at] >>> 16 : u32[at];
  }

  /** `fflags`, unsigned. */
  fflags(index: number): number {
    return this.#memory.u32[this.#at(index) + this.#memory.words.fflags];
  }

  /** `data`, signed: a number where it is a safe integer, else a bigint. */
  data(index: number): number | bigint {
    const memory = this.#memory;
    const { words, i32, u32 } = memory;
    const at = this.#at(index) + words.data;
    if (!words.wideData) return i32[at];
    const high = i32[at + 1];
    // Small numbers of either sign are not boxed, whatever V8 has compiled.
    if (high === i32[at] >> 31) return i32[at];
    if (
      high > SAFE_HIGH ||
      high < SAFE_LOW ||
      (high === SAFE_LOW && u32[at] === 0)
    ) {
      return readSigned(memory, at, true);
    }
    return high * TWO_32 + u32[at];
  }

  /** `udata`, unsigned: a number where it is a safe integer, else a bigint. */
  udata(index: number): number | bigint {
    return this.#unsigned(this.#at(index) + this.#memory.words.udata);
  }

  /** All bits of `ident`, unsigned. */
  identBigInt(index: number): bigint {
    const { words } = this.#memory;
    return readPattern(
      this.#memory,
      this.#at(index) + words.ident,
      words.widePointers,
    );
  }

  /** All bits of `data`, signed. */
  dataBigInt(index: number): bigint {
    const { words } = this.#memory;
    return readSigned(
      this.#memory,
      this.#at(index) + words.data,
      words.wideData,
    );
  }

  /** All bits of `udata`, unsigned. */
  udataBigInt(index: number): bigint {
    const { words } = this.#memory;
    return readPattern(
      this.#memory,
      this.#at(index) + words.udata,
      words.widePointers,
    );
  }

  /** The entries in order, each as an object of its own. */
  *[Symbol.iterator](): IterableIterator<Kevent> {
    for (let i = 0; i < this.#memory.length; i++) yield this.get(i);
  }

  /** The first word of an entry that exists. */
  #at(index: number): number {
    const { length, words } = this.#memory;
    if (typeof index !== 'number' || index >>> 0 !== index || index >= length) {
      throwBadInteger(
        'read a KeventList',
        'index',
        length === 0
          ? 'an entry of a list that has none'
          : `an integer from 0 to ${length - 1}`,
        index,
      );
    }
    return index * words.stride;
  }

  #unsigned(at: number): number | bigint {
    const memory = this.#memory;
    const { u32, words } = memory;
    if (!words.widePointers) return u32[at];
    const high = u32[at + 1];
    if (high === 0) return u32[at];
    if (high > SAFE_HIGH) return readPattern(memory, at, true);
    return high * TWO_32 + u32[at];
  }
}

/**
 * A list of `struct kevent64_s`, for {@link kevent64}: all fields have 64 bits
 * on any CPU, and `ext` holds two more words. Only where the kernel has it:
 * Darwin, and Linux with the kqueue built into this library.
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

/** The layout of the list being made for another kernel than the running. */
let words: KeventWords | undefined;

/** Make a list of another kernel's layout, to read or answer its bytes. */
export function listFor(layout: KeventWords, capacity: number): KeventList {
  words = layout;
  try {
    return new KeventList(capacity);
  } finally {
    words = undefined;
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
  if (!isList(list)) throw new TypeError(misuse(action, name, expected, list));
  return memoryOfList(list);
}

export { isList };
