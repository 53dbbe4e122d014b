/**
 * Timers and clocks as they were when this library was loaded. A test runner
 * that puts fake ones in their place does not stop a queue.
 *
 * @module
 */
import * as timers from 'node:timers';

export const { clearImmediate, clearTimeout, setImmediate, setTimeout } =
  timers;

export const { queueMicrotask } = globalThis;

// Not of `performance`: Node takes milliseconds to load that.
const { hrtime } = process;

/** Milliseconds of a clock that never goes back. */
export function now(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

const readDate = Date.now;

/** Milliseconds of Unix time. */
export const unixTime = (): number => readDate();
