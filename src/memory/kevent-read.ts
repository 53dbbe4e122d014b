// The fields of a record, read from its words. V8 inlines at most 920 bytes of
// bytecode into a loop that reads all of them. So each function here does the
// common case only, and leaves the rest to another.
import { throwBadInteger } from '../errors.js';
import { readPattern, readSigned } from './kevent.js';
import type { KeventMemory } from './kevent-memory.js';

const TWO_32 = 2 ** 32;
/** The highest and lowest high word of a safe integer. */
const SAFE_HIGH = 0x1fffff;
const SAFE_LOW = -0x200000;

/**
 * The first word of an entry that exists.
 *
 * @throws {TypeError | RangeError} If there is no such entry.
 */
export function entryAt(memory: KeventMemory, index: number): number {
  if (
    typeof index !== 'number' ||
    index >>> 0 !== index ||
    index >= memory.length
  ) {
    throwNoEntry(memory, index);
  }
  return index * memory.words.stride;
}

function throwNoEntry({ length }: KeventMemory, index: unknown): never {
  throwBadInteger(
    'read a KeventList',
    'index',
    length === 0
      ? 'an entry, and the list is empty'
      : `an integer from 0 to ${length - 1}`,
    index,
  );
}

/** `ident` or `udata` at a word: a number where it is a safe integer. */
export function unsignedAt(memory: KeventMemory, at: number): number | bigint {
  const { u32 } = memory;
  const high = u32[at + 1];
  return high === 0 ? u32[at] : unsignedPair(memory, at, high);
}

/** A word whose neighbour is not zero, or another field. */
const unsignedPair = (
  memory: KeventMemory,
  at: number,
  high: number,
): number | bigint =>
  high <= memory.words.safeHigh
    ? high * TWO_32 + memory.u32[at]
    : unsignedOther(memory, at);

const unsignedOther = (memory: KeventMemory, at: number): number | bigint =>
  memory.words.widePointers ? readPattern(memory, at, true) : memory.u32[at];

/**
 * `data` at a word: a number where it is a safe integer. Small numbers of
 * either sign are not boxed, however V8 has compiled this.
 */
export function signedAt(memory: KeventMemory, at: number): number | bigint {
  const { i32 } = memory;
  return i32[at + 1] === i32[at] >> 31 ? i32[at] : signedPair(memory, at);
}

/** A word whose neighbour is not the sign, or another field. */
function signedPair(memory: KeventMemory, at: number): number | bigint {
  const { i32, u32, words } = memory;
  if (!words.wideData) return i32[at];
  const high = i32[at + 1];
  if (
    high > SAFE_HIGH ||
    high < SAFE_LOW ||
    (high === SAFE_LOW && u32[at] === 0)
  ) {
    return readSigned(memory, at, true);
  }
  return high * TWO_32 + u32[at];
}

/** `filter` of the entry that begins at a word: signed where it is so. */
export function filterAt({ words, i32 }: KeventMemory, base: number): number {
  const word = i32[base + words.filter];
  return words.packed ? (word << 16) >> 16 : word >>> 0;
}

/** `flags` of the entry that begins at a word. */
export function flagsAt({ words, u32 }: KeventMemory, base: number): number {
  const word = u32[base + words.flags];
  return words.packed ? word >>> 16 : word;
}

/** `fflags` of the entry that begins at a word. */
export function fflagsAt({ words, u32 }: KeventMemory, base: number): number {
  return u32[base + words.fflags];
}
