import { hostDialect } from '../host/dialect.js';
import { type Duration, timerDuration } from '../queue/duration.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
} from './event-iterator.js';
import { ownQueue } from './own-queue.js';

/** A tick of {@link interval}. */
export interface Tick {
  /** How many periods are over since the beginning. */
  readonly count: number;
  /** How many of them went by since the last tick was given, and got none. */
  readonly missed: number;
}

/**
 * Tick with a period. The kernel keeps the beat, so it does not drift however
 * long a turn of the loop takes; whoever is too slow for it gets one tick that
 * says how many were missed.
 *
 * @param every The period: milliseconds, fractions allowed, or `{ s }`,
 * `{ ms }`, `{ us }` or `{ ns }`; more than 0. It begins with the call.
 * @throws {TypeError | RangeError} If it is no period, or `signal` no signal.
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` if the kernel's timers cannot
 * say it; else as {@link kqueue}, such as `EMFILE`.
 *
 * @example
 * ```ts
 * import { interval } from 'kqueue-ffi';
 *
 * for await (const { count, missed } of interval(50)) {
 *   console.log(count, missed);
 *   if (count >= 3) break;
 * }
 * ```
 */
export function interval(
  every: Duration,
  options: IteratorOptions = {},
): EventIterator<Tick> {
  const action = 'make an interval';
  // Before the signal is looked at, with which there is no timer to refuse it.
  timerDuration(hostDialect(), every, 'every', action);
  return eventIterator(action, options, () => {
    let count = 0;
    return ownQueue([{ filter: 'timer', id: 1, every }], (event) => {
      if (event.filter !== 'timer') return undefined;
      count += event.expirations;
      return { count, missed: event.expirations - 1 };
    });
  });
}
