// Checks that the bits of the table for units of time have these meanings to
// the kernel. Other kernels use the same bits for other units.
import type { KernelFacts } from '../abi/index.js';
import { findTimerUnits } from '../calls/index.js';
import { areTimerUnitsUncertain, now, unixTime } from '../host/index.js';
import type { KeventInit } from '../memory/index.js';
import { errorMessage, type Finding, WRONG_ABI } from './finding.js';
import { type Subject, withQueue } from './subject.js';

/** Every timer has this duration, whatever its unit. */
const EACH_MS = 40;
/**
 * NetBSD before 10 rounds down to ticks of 10 ms, and the first has begun
 * already. A wrong unit is off by a factor of 1000.
 */
const MAX_EARLY_MS = 25;
/** A busy machine may be this late. A wrong unit is off by a factor of 1000. */
const MAX_LATE_MS = 3000;
/** How many times a call may return nothing before its time is up. */
const MAX_EMPTY_CALLS = 100;

interface Unit {
  readonly name: string;
  readonly fflags: number;
  readonly data: number;
}

const MILLISECONDS: Unit = { name: 'milliseconds', fflags: 0, data: EACH_MS };

function unitsOf({ timerUnits, constants }: KernelFacts): Unit[] {
  const units: Unit[] = [MILLISECONDS];
  const add = (constant: string | undefined, perMs: number): void => {
    const bits: number | undefined = constants[constant ?? ''];
    if (constant === undefined || bits === undefined) return;
    units.push({ name: constant, fflags: bits, data: EACH_MS * perMs });
  };
  add(timerUnits.milliseconds, 1);
  add(timerUnits.microseconds, 1e3);
  add(timerUnits.nanoseconds, 1e6);
  const { absolute = '', microseconds = '' } = timerUnits;
  const bits: number | undefined = constants[absolute];
  if (bits !== undefined && constants[microseconds] !== undefined) {
    units.push({
      name: absolute,
      fflags: bits | constants[microseconds],
      data: Number.NaN,
    });
  }
  return units;
}

/** The timers that fired at the wrong time. */
function measure(
  { facts, calls, list }: Subject,
  kq: number,
  units: readonly Unit[],
  latest: number,
): string[] {
  const { EVFILT_TIMER, EV_ADD, EV_ONESHOT, EV_ERROR } = facts.constants;
  const begin = now();
  units.forEach(({ fflags, data }, ident) => {
    const change: KeventInit = {
      ident: ident + 1,
      filter: EVFILT_TIMER,
      flags: EV_ADD | EV_ONESHOT,
      fflags,
      data: Number.isNaN(data) ? (unixTime() + EACH_MS) * 1000 : data,
    };
    calls.kevent(kq, [change], null, 0);
  });
  const wrong: string[] = [];
  const waited = new Set(units.map((_, i) => i + 1));
  const events = list();
  let idle = 0;
  while (waited.size > 0) {
    const left = begin + latest - now();
    if (left <= 0) break;
    const count = calls.kevent(kq, null, events, left);
    const after = now() - begin;
    for (let i = 0; i < count; i++) {
      const ident = Number(events.ident(i));
      if ((events.flags(i) & EV_ERROR) !== 0 || !waited.delete(ident)) continue;
      if (after < EACH_MS - MAX_EARLY_MS) {
        wrong.push(
          `a timer of ${EACH_MS} ms in ${units[ident - 1].name} fired after ${after.toFixed(1)} ms`,
        );
      }
    }
    // Do not loop forever on a kernel that does not wait at all.
    if (count === 0 && ++idle > MAX_EMPTY_CALLS) break;
  }
  for (const ident of waited) {
    wrong.push(
      `a timer of ${EACH_MS} ms in ${units[ident - 1].name} did not fire in ${((now() - begin) / 1000).toFixed(1)} s`,
    );
  }
  return wrong;
}

/**
 * Whether the timers of this release have no units. It is tested, because the
 * release of this system says nothing about another library.
 */
function isWithoutUnits(subject: Subject): boolean {
  const { facts, calls, list } = subject;
  if (!areTimerUnitsUncertain(facts)) {
    return facts.timerUnits.encoding === 'none';
  }
  return findTimerUnits(facts, calls, list()) === 'milliseconds';
}

/** Measure a timer of each unit against the clock. */
export function examineTimers(subject: Subject, latest = MAX_LATE_MS): Finding {
  let units: readonly Unit[] = [MILLISECONDS];
  let isUnitless = false;
  let wrong: string[];
  try {
    isUnitless = isWithoutUnits(subject);
    if (!isUnitless) units = unitsOf(subject.facts);
    wrong = withQueue(subject, (kq) => measure(subject, kq, units, latest));
  } catch (error) {
    wrong = [`kevent failed: ${errorMessage(error)}`];
  }
  if (wrong.length > 0) {
    return {
      name: 'timers',
      ok: false,
      says: `${wrong.join('; ')}. ${WRONG_ABI}`,
    };
  }
  if (isUnitless) {
    return {
      name: 'timers',
      ok: null,
      says: `Timers of ${EACH_MS} ms had the right duration, but there are no timer units in this release of ${subject.facts.name}. Durations are rounded up to whole milliseconds, and timers with a point in time are refused.`,
    };
  }
  const names = units.map(({ name }) => name).join(', ');
  return {
    name: 'timers',
    ok: true,
    says: `Timers of ${EACH_MS} ms had the right duration in each unit: ${names}.`,
  };
}
