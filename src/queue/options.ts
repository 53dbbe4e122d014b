import { misuse, throwBadInteger } from '../errors.js';
import type { AbortSignalLike } from './abort-signal.js';

/** The longest time that a timer of the event loop can wait: milliseconds. */
export const MAX_TIMEOUT = 0x7fffffff;

/** The default of the maximum number of events that are delivered at a time. */
export const DEFAULT_MAX = 64;

/** Options of {@link Kqueue.wait}. */
export interface WaitOptions {
  /**
   * The longest wait in milliseconds, fractions allowed.
   *
   * @default null, which waits indefinitely
   */
  readonly timeout?: number | null | undefined;
  /**
   * The maximum number of events to return.
   *
   * @default 64
   */
  readonly max?: number | undefined;
}

/** Options of a wait for one event. */
export interface NextOptions {
  /** An abort ends the wait, which rejects with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
  /**
   * The longest wait in milliseconds. Then it resolves with `undefined`.
   *
   * @default null, which waits indefinitely
   */
  readonly timeout?: number | null | undefined;
}

/** Options of {@link Kqueue.events}. */
export interface EventsOptions {
  /**
   * An abort ends the iteration, which rejects with the signal's reason. A listener
   * is no longer called.
   */
  readonly signal?: AbortSignalLike | undefined;
  /**
   * The maximum number of events in a batch.
   *
   * @default 64
   */
  readonly max?: number | undefined;
}

/** Options of {@link Kqueue.on}. */
export interface ListenerOptions extends EventsOptions {
  /**
   * Called once if the queue can no longer deliver events, for example with `EBADF`
   * if other code closed its descriptor. The listener has been stopped.
   *
   * @default The error is an uncaught exception, as an `'error'` event without a
   * listener.
   */
  readonly onError?: ((error: Error) => void) | undefined;
}

/** Check that options are an object. Its properties are checked separately. */
export function checkOptions(options: unknown, action: string): void {
  if (typeof options === 'object' && options !== null) return;
  throw new TypeError(misuse(action, 'options', 'an object', options));
}

/** Check a timeout. */
export function checkTimeout(
  timeout: unknown,
  action: string,
  limit: number,
): void {
  if (timeout === null) return;
  if (typeof timeout === 'number' && timeout >= 0 && timeout <= limit) return;
  const expected = `a number of milliseconds from 0 to ${limit}, or null to wait indefinitely`;
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
