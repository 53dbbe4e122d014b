import type { KeventMemory } from '../kevent-memory.js';
import type { Knote } from './knote.js';

/** 32-bit words of Darwin's struct kevent. */
export const STRIDE = 8;

/** Write the event of a knote. */
export function writeRecord(
  knote: Knote,
  flags: number,
  { i32 }: KeventMemory,
  index: number,
): void {
  const at = index * STRIDE;
  i32[at] = knote.identLow;
  i32[at + 1] = knote.identHigh;
  i32[at + 2] = (knote.filterNumber & 0xffff) | (flags << 16);
  i32[at + 3] = knote.fflags;
  i32[at + 4] = knote.dataLow;
  i32[at + 5] = knote.dataHigh;
  i32[at + 6] = knote.udataLow;
  i32[at + 7] = knote.udataHigh;
}

/** Write the entry that says how a change went: all as given but these two. */
export function copyRecord(
  from: KeventMemory,
  fromIndex: number,
  to: KeventMemory,
  toIndex: number,
  flags: number,
  data: number,
): void {
  const source = fromIndex * STRIDE;
  const target = toIndex * STRIDE;
  // The lists may be one: an entry never stands behind its change.
  for (let word = 0; word < STRIDE; word++) {
    to.i32[target + word] = from.i32[source + word];
  }
  to.i32[target + 2] = (to.i32[target + 2] & 0xffff) | (flags << 16);
  to.i32[target + 4] = data;
  to.i32[target + 5] = 0;
}
