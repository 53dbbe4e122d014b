import type { Libc } from '../ffi/index.js';
import { POLL, type TimespecMemory } from '../memory/index.js';
import { toBigInt, toDouble } from './int64.js';

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;

/** Where the clock may not be asked, Node's: no wait may last for ever. */
const nodeClock = (clock: number): bigint =>
  clock === CLOCK_REALTIME
    ? BigInt(Date.now()) * 1_000_000n
    : process.hrtime.bigint();

/** Nanoseconds of one of the clocks, as a double. */
export function nanoseconds(libc: Libc, clock: number): number {
  const { u32, address } = libc.scratch;
  if (libc.clockGettime(clock, address) < 0) return Number(nodeClock(clock));
  return toDouble(u32[0], u32[1]) * 1e9 + u32[2];
}

/** The same exactly. */
export function exactNanoseconds(libc: Libc, clock: number): bigint {
  const { u32, address } = libc.scratch;
  if (libc.clockGettime(clock, address) < 0) return nodeClock(clock);
  return toBigInt(u32[0], u32[1]) * 1_000_000_000n + BigInt(u32[2]);
}

/** Write nanoseconds as a `struct timespec` of two 64-bit integers. */
export function writeTimespec(
  words: Uint32Array,
  at: number,
  nanos: number,
): void {
  const seconds = Math.floor(nanos / 1e9);
  const rest = Math.ceil(nanos - seconds * 1e9);
  words[at] = seconds;
  words[at + 1] = Math.floor(seconds / 2 ** 32);
  // Rounding of huge numbers must not leave the range.
  words[at + 2] = Math.min(Math.max(rest, 0), 999_999_999);
  words[at + 3] = 0;
}

/** Nanoseconds of a timeout, or -1 if Darwin calls it invalid: spec C4. */
export function timeoutOf(timeout: TimespecMemory | null): number {
  if (timeout === POLL) return 0;
  return timeout === null ? Infinity : nanosOf(timeout);
}

function nanosOf({ i32, u32 }: TimespecMemory): number {
  const seconds = u32[0];
  const nanos = u32[2];
  const valid =
    i32[1] === 0 && i32[0] >= 0 && i32[3] === 0 && nanos <= 1_000_000_000;
  return valid ? seconds * 1e9 + nanos : -1;
}
