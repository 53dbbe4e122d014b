import type { KernelFacts } from '../abi/index.js';
import { hostDialect, now } from '../host/index.js';
import type { Change, Duration } from '../queue/index.js';
import { parseNanoseconds, timerDuration } from '../queue/parts.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
  type Source,
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

/** Kernels that round each period of a timer up to ticks of a slow clock. */
const SLOW_CLOCKS: readonly string[] = ['netbsd', 'openbsd', 'dragonfly'];

/** Whether a timer that repeats loses its phase, or has another period. */
function isInexact(facts: KernelFacts, nanoseconds: bigint): boolean {
  if (SLOW_CLOCKS.includes(facts.name)) return true;
  const isWhole = nanoseconds % 1_000_000n === 0n;
  return !isWhole && facts.timerUnits.nanoseconds === undefined;
}

/** {@link interval}, loaded when it is first called. */
export function interval(
  every: Duration,
  options: IteratorOptions = {},
): EventIterator<Tick> {
  const action = 'make an interval';
  // Check `every` even if the signal is aborted, when no timer is made.
  const facts = hostDialect();
  timerDuration(facts, every, 'every', action);
  const period = parseNanoseconds(every, 'every', action);
  return eventIterator(action, options, () =>
    isInexact(facts, period)
      ? ticksByClock(Math.max(1, Number(period)) / 1e6)
      : ticksByKernel(every),
  );
}

function ticksByKernel(every: Duration): Source<Tick> {
  let total = 0;
  return queueSource([{ filter: 'timer', id: 1, every }], (event) => {
    if (event.filter !== 'timer') return undefined;
    total += event.count;
    return { count: total, missed: event.count - 1 };
  });
}

/** Each tick has a timer of its own, for what is left until its period ends. */
function ticksByClock(periodMs: number): Source<Tick> {
  const start = now();
  let total = 0;
  const next = (elapsed: number): Change => {
    const left = Math.max(0, (total + 1) * periodMs - elapsed);
    // A fraction of a long time may not fit a timer.
    const after = left > 1000 ? Math.ceil(left) : left;
    return { filter: 'timer', id: 1, after };
  };
  return queueSource([next(0)], (event, kq) => {
    if (event.filter !== 'timer') return undefined;
    const elapsed = now() - start;
    const passed = Math.floor(elapsed / periodMs);
    const missed = passed - total - 1;
    if (missed >= 0) total = passed;
    kq.add(next(elapsed));
    // A timer that was rounded down is waited for once more.
    return missed < 0 ? undefined : { count: total, missed };
  });
}
