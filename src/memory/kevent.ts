import { misuse, throwBadInteger } from '../errors.js';
import type { KeventMemory, KeventWords } from './kevent-memory.js';

/**
 * One `struct kevent` to pass to the kernel: kqueue(2).
 *
 * A 64-bit field is a safe integer, or a bigint for the exact 64-bit pattern. A value
 * that does not fit its field throws a `RangeError`, a value of another type a
 * `TypeError`.
 */
export interface KeventInit {
  /** The watched object: a descriptor, a pid, or a number of your choice. */
  readonly ident: number | bigint;
  /** The filter, such as `EVFILT_READ`. */
  readonly filter: number;
  /** Flags, such as `EV_ADD | EV_CLEAR`. @default 0 */
  readonly flags?: number | undefined;
  /**
   * The `NOTE_…` bits of the filter. The signed result of `|` in JavaScript stands
   * for the same 32 bits. @default 0
   */
  readonly fflags?: number | undefined;
  /** A parameter of the filter, such as a period or a low-water mark. @default 0 */
  readonly data?: number | bigint | undefined;
  /** 64 bits that each event returns unchanged. @default 0 */
  readonly udata?: number | bigint | undefined;
  /** Extra words, on kernels whose struct has them. @default zeros */
  readonly ext?: readonly (number | bigint)[] | undefined;
}

/** One `struct kevent` that the kernel returned. */
export interface Kevent {
  /** A number where it is a safe integer, else a bigint. */
  ident: number | bigint;
  filter: number;
  flags: number;
  fflags: number;
  /** A number where it is a safe integer, else a bigint. */
  data: number | bigint;
  /** All 64 bits, always as a bigint. */
  udata: bigint;
  /** Only on kernels whose struct has it (FreeBSD, NetBSD 11). */
  ext?: readonly bigint[];
}

const TWO_32 = 2 ** 32;
const MAX_SAFE = Number.MAX_SAFE_INTEGER;
const TWO_64 = 2n ** 64n;
const MIN_64 = -(2n ** 63n);
const ACTION = 'encode a kevent';

type Word64 = number | bigint;

const isInt = Number.isInteger;

const isSmall = (value: unknown): value is number =>
  typeof value === 'number' && (value | 0) === value;

/** Check a 64- or 32-bit field whose bits are taken as they are. */
function checkPattern(value: unknown, name: string, wide: boolean): Word64 {
  if (typeof value === 'number') {
    if (value >= 0 && value <= (wide ? MAX_SAFE : TWO_32 - 1) && isInt(value)) {
      return value;
    }
  } else if (typeof value === 'bigint') {
    const bits = wide ? 64n : 32n;
    if (value >= -(1n << (bits - 1n)) && value < 1n << bits) return value;
  }
  return throwBadInteger(
    ACTION,
    name,
    wide
      ? 'an integer from 0 to 2**53-1, or a bigint from -(2n**63n) to 2n**64n-1n'
      : 'an integer from 0 to 2**32-1, or a bigint from -(2n**31n) to 2n**32n-1n',
    value,
    true,
  );
}

/** Check a signed 64- or 32-bit field. */
function checkSigned(value: unknown, name: string, wide: boolean): Word64 {
  if (typeof value === 'number') {
    const limit = wide ? MAX_SAFE : TWO_32 / 2 - 1;
    const low = wide ? -MAX_SAFE : -TWO_32 / 2;
    if (value >= low && value <= limit && isInt(value)) return value;
  } else if (typeof value === 'bigint') {
    const bits = wide ? 63n : 31n;
    if (value >= -(1n << bits) && value < 1n << bits) return value;
  }
  return throwBadInteger(
    ACTION,
    name,
    wide
      ? 'a safe integer, or a bigint from -(2n**63n) to 2n**63n-1n'
      : 'an integer, or a bigint, from -(2**31) to 2**31-1',
    value,
    true,
  );
}

function checkBits(
  value: unknown,
  name: string,
  low: number,
  high: number,
): number {
  if (
    typeof value === 'number' &&
    value >= low &&
    value <= high &&
    isInt(value)
  ) {
    return value;
  }
  const expected = `an integer from ${low} to ${high}`;
  return throwBadInteger(ACTION, name, expected, value);
}

function writeWord(
  memory: KeventMemory,
  at: number,
  value: Word64,
  wide: boolean,
): void {
  const { i32 } = memory;
  if (typeof value === 'number') {
    i32[at] = value;
    if (wide) i32[at + 1] = Math.floor(value / TWO_32);
    return;
  }
  i32[at] = Number(BigInt.asIntN(32, value));
  if (wide) i32[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
}

function checkExt(value: unknown, words: KeventWords): readonly Word64[] {
  if (words.ext < 0) {
    throw new TypeError(
      misuse(ACTION, 'ext', 'absent on a kernel without it', value),
    );
  }
  if (!Array.isArray(value) || value.length > words.extCount) {
    throw new TypeError(
      misuse(ACTION, 'ext', `an array of at most ${words.extCount}`, value),
    );
  }
  // By index, because an iterator of the caller may never end.
  const ext: Word64[] = [];
  for (let i = 0; i < value.length && i < words.extCount; i++) {
    ext.push(checkPattern(value[i], 'ext', true));
  }
  return ext;
}

/** Whether a value fits a 64-bit field as a bit pattern. */
const isPattern = (value: unknown): value is Word64 =>
  typeof value === 'number'
    ? value >= 0 && value <= MAX_SAFE && Math.floor(value) === value
    : typeof value === 'bigint' && value >= MIN_64 && value < TWO_64;

/** Write 64 checked bits at an even word. */
function writePattern(memory: KeventMemory, at: number, value: Word64): void {
  if (typeof value === 'number') {
    // A store keeps the low 32 bits of a number.
    memory.u32[at] = value;
    memory.u32[at + 1] = value / TWO_32;
  } else {
    memory.u64[at >> 1] = value;
  }
}

/**
 * Check a kevent, then write it as entry `index`, or after the last entry. Nothing
 * is written unless every field is valid.
 *
 * @throws {TypeError} If it is not an object or a field has a wrong type.
 * @throws {RangeError} If a field does not fit, or the list is full.
 */
export function encode(
  memory: KeventMemory,
  index: number | 'next',
  kevent: KeventInit,
): void {
  if (typeof kevent !== 'object' || kevent === null) {
    throw new TypeError(misuse(ACTION, 'kevent', 'an object', kevent));
  }
  // Each property is read once: a getter may answer differently next time.
  const init: { readonly [K in keyof KeventInit]: unknown } = kevent;
  const {
    ident,
    filter,
    flags = 0,
    fflags = 0,
    data = 0,
    udata = 0,
    ext,
  } = init;
  const { words } = memory;
  // A getter may have pushed to this list, so read its end only now.
  const entry = index === 'next' ? memory.length : index;
  if (
    words.isPlain &&
    ext === undefined &&
    entry < memory.capacity &&
    isPattern(ident) &&
    isSmall(filter) &&
    filter === (filter << 16) >> 16 &&
    isSmall(flags) &&
    flags === (flags & 0xffff) &&
    isSmall(fflags) &&
    isSmall(data) &&
    isPattern(udata)
  ) {
    // Fast path for nearly all changes, small enough for V8 to inline.
    const { i32 } = memory;
    const base = entry * words.stride;
    writePattern(memory, base + words.ident, ident);
    i32[base + words.filter] = (filter & 0xffff) | (flags << 16);
    i32[base + words.fflags] = fflags;
    i32[base + words.data] = data;
    i32[base + words.data + 1] = data >> 31;
    writePattern(memory, base + words.udata, udata);
    if (index === 'next') memory.length = entry + 1;
    return;
  }
  encodeAny(memory, entry, ident, filter, flags, fflags, data, udata, ext);
  if (index === 'next') memory.length = entry + 1;
}

/** Encode fields that have been read. */
function encodeAny(
  memory: KeventMemory,
  entry: number,
  rawIdent: unknown,
  rawFilter: unknown,
  rawFlags: unknown,
  rawFflags: unknown,
  rawData: unknown,
  rawUdata: unknown,
  rawExt: unknown,
): void {
  const { words } = memory;
  const ident = checkPattern(rawIdent, 'ident', words.widePointers);
  const filter = words.packed
    ? checkBits(rawFilter, 'filter', -0x8000, 0x7fff)
    : checkBits(rawFilter, 'filter', 0, 0xffffffff);
  const flags = words.packed
    ? checkBits(rawFlags, 'flags', 0, 0xffff)
    : checkBits(rawFlags, 'flags', -0x80000000, 0xffffffff);
  const fflags = checkBits(rawFflags, 'fflags', -0x80000000, 0xffffffff);
  const data = checkSigned(rawData, 'data', words.wideData);
  const udata = checkPattern(rawUdata, 'udata', words.widePointers);
  const ext = rawExt === undefined ? undefined : checkExt(rawExt, words);

  if (entry >= memory.capacity) {
    throw new RangeError(
      misuse(
        'push a kevent',
        'list',
        `shorter than its capacity of ${memory.capacity}`,
        memory.length,
      ),
    );
  }
  const { i32 } = memory;
  const base = entry * words.stride;
  writeWord(memory, base + words.ident, ident, words.widePointers);
  if (words.packed) {
    i32[base + words.filter] = (filter & 0xffff) | (flags << 16);
  } else {
    i32[base + words.filter] = filter;
    i32[base + words.flags] = flags;
  }
  i32[base + words.fflags] = fflags;
  writeWord(memory, base + words.data, data, words.wideData);
  writeWord(memory, base + words.udata, udata, words.widePointers);
  for (let i = 0; i < words.extCount; i++) {
    writeWord(memory, base + words.ext + 2 * i, ext?.[i] ?? 0, true);
  }
}

/** The exact unsigned 64 bits, or 32 where it is not wide, at word `at`. */
export function readPattern(
  { words, u32, u64 }: KeventMemory,
  at: number,
  wide: boolean,
): bigint {
  if (!wide) return BigInt(u32[at]);
  // Combining two words would allocate four bigints.
  if (words.isAligned) return u64[at >> 1];
  return (BigInt(u32[at + 1]) << 32n) | BigInt(u32[at]);
}

/** The exact signed 64 bits, or 32 where it is not wide, at word `at`. */
export function readSigned(
  memory: KeventMemory,
  at: number,
  wide: boolean,
): bigint {
  return wide
    ? BigInt.asIntN(64, readPattern(memory, at, true))
    : BigInt(memory.i32[at]);
}
