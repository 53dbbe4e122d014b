import { readPattern, readSigned } from './kevent.js';
import type { KeventMemory } from './kevent-memory.js';

const TWO_32 = 2 ** 32;
/** The highest and lowest high word of a safe integer. */
const SAFE_HIGH = 0x1fffff;
const SAFE_LOW = -0x200000;

/** `ident` or `udata` at a word: a number where it is a safe integer. */
export function unsignedAt(memory: KeventMemory, at: number): number | bigint {
  const { u32, words } = memory;
  if (!words.widePointers) return u32[at];
  const high = u32[at + 1];
  if (high === 0) return u32[at];
  if (high > SAFE_HIGH) return readPattern(memory, at, true);
  return high * TWO_32 + u32[at];
}

/** `data` at a word: a number where it is a safe integer. */
export function signedAt(memory: KeventMemory, at: number): number | bigint {
  const { words, i32, u32 } = memory;
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

/** `filter` of the entry that begins at a word: signed where it is so. */
export function filterAt(
  { words, i32, u32 }: KeventMemory,
  base: number,
): number {
  const at = base + words.filter;
  return words.packed ? (i32[at] << 16) >> 16 : u32[at];
}

/** `flags` of the entry that begins at a word. */
export function flagsAt({ words, u32 }: KeventMemory, base: number): number {
  const at = base + words.flags;
  return words.packed ? u32[at] >>> 16 : u32[at];
}
