import type { Libc } from '../ffi/index.js';
import { POLL, type TimespecMemory } from '../memory/index.js';
import { toBigInt, toDouble } from './int64.js';

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;

/** Use Node's clock if clock_gettime fails: no wait may last indefinitely. */
const nodeClock = (clock: number): bigint =>
  clock === CLOCK_REALTIME
    ? BigInt(Date.now()) * 1_000_000n
    : process.hrtime.bigint();

/** Read a clock: nanoseconds, as a double. */
export function nanoseconds(libc: Libc, clock: number): number {
  const { u32, address } = libc.scratch;
  if (libc.clockGettime(clock, address) < 0) return Number(nodeClock(clock));
  return toDouble(u32[0], u32[1]) * 1e9 + u32[2];
}

/** Read a clock: nanoseconds, exactly. */
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
  // Huge numbers must not be rounded out of the range.
  words[at + 2] = Math.min(Math.max(rest, 0), 999_999_999);
  words[at + 3] = 0;
}

/** Convert a timeout to nanoseconds; -1 if Darwin refuses it: rule C4. */
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
