import type { KeventMemory } from '../memory/index.js';
import { D } from './constants.js';
import type { Knote } from './knote.js';

/**
 * The first word of `ext` of struct kevent64_s, and the number of its words.
 */
const EXT = 8;
const EXT_WORDS = 4;

/** The words of `ext` of a change, if it has any. */
export function readExt(
  { words, i32 }: KeventMemory,
  index: number,
): Int32Array | null {
  if (words.extCount === 0) return null;
  const at = index * words.stride + EXT;
  return i32.slice(at, at + EXT_WORDS);
}

/** Write the event of a knote. */
export function writeRecord(
  knote: Knote,
  flags: number,
  { i32, words }: KeventMemory,
  index: number,
): void {
  const at = index * words.stride;
  i32[at] = knote.identLow;
  i32[at + 1] = knote.identHigh;
  i32[at + 2] = (knote.filterNumber & 0xffff) | (flags << 16);
  i32[at + 3] = knote.fflags;
  i32[at + 4] = knote.dataLow;
  i32[at + 5] = knote.dataHigh;
  i32[at + 6] = knote.udataLow;
  i32[at + 7] = knote.udataHigh;
  if (knote.ext !== null) i32.set(knote.ext, at + EXT);
}

/** Write the result of a change: all fields unchanged except these two. */
export function copyRecord(
  from: KeventMemory,
  fromIndex: number,
  to: KeventMemory,
  toIndex: number,
  flags: number,
  data: number,
): void {
  const { stride } = from.words;
  const source = fromIndex * stride;
  const target = toIndex * stride;
  // Both lists may be the same: an entry is never after its change.
  for (let word = 0; word < stride; word++) {
    to.i32[target + word] = from.i32[source + word];
  }
  to.i32[target + 2] = (to.i32[target + 2] & 0xffff) | (flags << 16);
  to.i32[target + 4] = data;
  to.i32[target + 5] = 0;
}

/**
 * Whether all changes are for EVFILT_TIMER or, `withSources`, for EVFILT_READ or
 * EVFILT_WRITE.
 */
export function areSimple(
  { i32, words }: KeventMemory,
  nchanges: number,
  withSources: boolean,
): boolean {
  for (let i = 0; i < nchanges; i++) {
    const filter = (i32[i * words.stride + 2] << 16) >> 16;
    const isSource = filter === D.EVFILT_READ || filter === D.EVFILT_WRITE;
    if (filter !== D.EVFILT_TIMER && !(withSources && isSource)) return false;
  }
  return true;
}
