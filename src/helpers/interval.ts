import { hostDialect } from '../host/index.js';
import { type Duration, timerDuration } from '../queue/index.js';
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

/** {@link interval}, loaded when it is first called. */
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
