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
   * How many periods have passed since the call: a running total, unlike the
   * `count` of a timer event, which is `missed + 1`.
   */
  readonly count: number;
  /** How many periods have passed since the last tick without one. */
  readonly missed: number;
}

/** {@link interval}, loaded when it is first called. */
export function interval(
  every: Duration,
  options: IteratorOptions = {},
): EventIterator<Tick> {
  const action = 'make an interval';
  // Check it even if the signal is aborted: no timer is made then.
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
