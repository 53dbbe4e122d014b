import { hostDialect } from '../host/index.js';
import { type Duration, timerDuration } from '../queue/index.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
} from './event-iterator.js';
import { queueSource } from './queue-source.js';

/** A tick of {@link interval}. */
export interface Tick {
  /**
   * The number of periods since the call. This is a running total, unlike the
   * `count` of a timer event, which is `missed + 1`.
   */
  readonly count: number;
  /** The number of periods since the last tick that had no tick of their own. */
  readonly missed: number;
}

/** {@link interval}, loaded when it is first called. */
export function interval(
  every: Duration,
  options: IteratorOptions = {},
): EventIterator<Tick> {
  const action = 'make an interval';
  // Check `every` even if the signal is aborted, when no timer is made.
  timerDuration(hostDialect(), every, 'every', action);
  return eventIterator(action, options, () => {
    let total = 0;
    return queueSource([{ filter: 'timer', id: 1, every }], (event) => {
      if (event.filter !== 'timer') return undefined;
      total += event.count;
      return { count: total, missed: event.count - 1 };
    });
  });
}
