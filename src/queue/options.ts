import { misuse, throwBadInteger } from '../errors.js';
import type { AbortSignalLike } from './abort-signal.js';

/** The longest time that a timer of the event loop can wait: milliseconds. */
export const MAX_TIMEOUT = 0x7fffffff;

/** How many events are delivered at a time by default. */
export const DEFAULT_MAX = 64;

/** How long to wait, and for how many events. */
export interface WaitOptions {
  /**
   * Milliseconds, fractions allowed.
   *
   * @default null for ever
   */
  readonly timeout?: number | null | undefined;
  /**
   * How many events to return at most.
   *
   * @default 64
   */
  readonly max?: number | undefined;
}

/** How to wait for one event. */
export interface NextOptions {
  /** Ends the wait, which then rejects with its reason. */
  readonly signal?: AbortSignalLike | undefined;
  /**
   * Milliseconds; the wait then resolves with `undefined`.
   *
   * @default null for ever
   */
  readonly timeout?: number | null | undefined;
}

/** How to iterate over batches, or to listen. */
export interface EventsOptions {
  /** Ends the iteration, which then rejects with its reason; or listening. */
  readonly signal?: AbortSignalLike | undefined;
  /**
   * How many events to deliver at a time, at most.
   *
   * @default 64
   */
  readonly max?: number | undefined;
}

/** Check that options are an object. Its properties are checked apart. */
export function checkOptions(options: unknown, action: string): void {
  if (typeof options === 'object' && options !== null) return;
  throw new TypeError(misuse(action, 'options', 'an object', options));
}

/** Check a time to wait. */
export function checkTimeout(
  timeout: unknown,
  action: string,
  limit: number,
): void {
  if (timeout === null) return;
  if (typeof timeout === 'number' && timeout >= 0 && timeout <= limit) return;
  const expected = `a number of milliseconds from 0 to ${limit}, or null for ever`;
  const message = misuse(action, 'timeout', expected, timeout);
  throw typeof timeout === 'number'
    ? new RangeError(message)
    : new TypeError(message);
}

/** Check a number of events. */
export function checkMax(max: unknown, action: string): void {
  if (typeof max !== 'number' || !Number.isInteger(max) || max < 1) {
    throwBadInteger(action, 'max', 'an integer of 1 or more', max);
  }
}

/** Check an AbortSignal, or that there is none. */
export function checkSignal(signal: unknown, action: string): void {
  if (signal === undefined) return;
  if (typeof signal === 'object' && signal !== null && 'aborted' in signal) {
    const { addEventListener: add, removeEventListener: remove } =
      signal as Partial<AbortSignalLike>;
    if (typeof add === 'function' && typeof remove === 'function') return;
  }
  throw new TypeError(misuse(action, 'signal', 'an AbortSignal', signal));
}
