/**
 * The original timers and clocks, kept when this package is loaded. A test
 * runner that replaces them later does not stop a queue.
 *
 * @module
 */
import * as timers from 'node:timers';

/** The result of setTimeout and setImmediate. */
export interface Timer {
  ref(): unknown;
  unref(): unknown;
}

// Typed without Node's types, which a program need not have.
type Set<Args extends unknown[]> = (run: () => void, ...args: Args) => Timer;
type Clear = (timer: Timer | undefined) => void;

export const setTimeout: Set<[ms: number]> = timers.setTimeout;
export const clearTimeout = timers.clearTimeout as Clear;
export const setImmediate: Set<[]> = timers.setImmediate;
export const clearImmediate = timers.clearImmediate as Clear;

export const queueMicrotask: (run: () => void) => void =
  globalThis.queueMicrotask;

// Not from `performance`, which takes milliseconds to load.
const { hrtime } = process;

/** Milliseconds of a monotonic clock. */
export function now(): number {
  const [seconds, nanoseconds] = hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

const readDate = Date.now;

/** Milliseconds of Unix time. */
export const unixTime = (): number => readDate();

/** Run a function after all microtasks that are queued now. */
export const nextTick: (run: () => void) => void = process.nextTick;
