import { types } from 'node:util';
import type { KernelFacts } from '../abi/index.js';
import { misuse, throwBadInteger } from '../errors.js';
import { unixTime, unsupported } from '../host/index.js';

/** A duration in one unit. */
export type Amount =
  | { readonly s: number | bigint }
  | { readonly ms: number | bigint }
  | { readonly us: number | bigint }
  | { readonly ns: number | bigint };

/**
 * A duration: a number of milliseconds, fractions allowed, or an amount in seconds,
 * milliseconds, microseconds or nanoseconds.
 */
export type Duration = number | Amount;

/** A point in time: a `Date`, or a duration since 1970 began (UTC). */
export type TimePoint = Date | Duration;

/** A time in the encoding of the kernel's timers. */
export interface TimerArgument {
  /** The bits of the unit. */
  readonly fflags: number;
  readonly data: number | bigint;
}

const NANOSECONDS = {
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1000n,
  ns: 1n,
} as const;

const UNITS = ['s', 'ms', 'us', 'ns'] as const;
const TWO_63 = 2n ** 63n;

/**
 * A time in the past, which replaces every earlier time on FreeBSD: it refuses times
 * before the start of the system.
 */
const LOADED = BigInt(unixTime()) * NANOSECONDS.ms;

const DURATION =
  'a number of milliseconds, or one of { s }, { ms }, { us } and { ns }';

function toNanoseconds(
  amount: unknown,
  unit: keyof typeof NANOSECONDS,
): bigint | undefined {
  const each = NANOSECONDS[unit];
  if (typeof amount === 'bigint') return amount * each;
  if (typeof amount !== 'number' || !Number.isFinite(amount)) return undefined;
  const whole = Math.trunc(amount);
  const rest = Math.round((amount - whole) * Number(each));
  return BigInt(whole) * each + BigInt(rest);
}

/**
 * Convert a duration to nanoseconds, exactly. Parts of a nanosecond are rounded.
 *
 * @throws {TypeError | RangeError} If it is not a duration.
 */
export function parseNanoseconds(
  value: unknown,
  name: string,
  action: string,
): bigint {
  let found: bigint | undefined;
  if (typeof value === 'number') {
    found = toNanoseconds(value, 'ms');
  } else if (typeof value === 'object') {
    const given: { readonly [unit: string]: unknown } = { ...value };
    for (const unit of UNITS) {
      if (given[unit] === undefined) continue;
      if (found !== undefined) {
        throw new TypeError(
          misuse(action, name, 'in one unit only', Object.keys(given).join()),
        );
      }
      found = toNanoseconds(given[unit], unit);
      if (found === undefined) {
        const expected = 'a finite number or a bigint';
        throwBadInteger(action, `${name}.${unit}`, expected, given[unit]);
      }
    }
  }
  return found ?? throwBadInteger(action, name, DURATION, value);
}

const toNumberIfSafe = (value: bigint): number | bigint =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value;

/**
 * Encode a time in the coarsest unit that is exact: milliseconds, microseconds or
 * nanoseconds. A kernel without units gets milliseconds, rounded up, so that a timer
 * is late rather than early.
 */
function toTimerUnits(facts: KernelFacts, total: bigint): TimerArgument {
  if (total % NANOSECONDS.ms === 0n) {
    return { fflags: 0, data: toNumberIfSafe(total / NANOSECONDS.ms) };
  }
  const { timerUnits, constants } = facts;
  const { microseconds, nanoseconds } = timerUnits;
  if (microseconds === undefined || nanoseconds === undefined) {
    return { fflags: 0, data: toNumberIfSafe(total / NANOSECONDS.ms + 1n) };
  }
  const rest = total % NANOSECONDS.us;
  // FreeBSD 12 takes what is beyond whole seconds for microseconds (PR 252539; its
  // later releases were not looked up): 1.5 s and a nanosecond would be 501 s.
  if (rest === 0n || (facts.name === 'freebsd' && total >= NANOSECONDS.s)) {
    const data = toNumberIfSafe(total / NANOSECONDS.us + (rest && 1n));
    return { fflags: constants[microseconds], data };
  }
  return { fflags: constants[nanoseconds], data: toNumberIfSafe(total) };
}

/**
 * Encode a duration for the kernel's timers. Zero becomes the shortest duration,
 * because some kernels refuse 0 or never fire it.
 *
 * @throws {TypeError | RangeError} If it is not a duration, or too short.
 */
export function timerDuration(
  facts: KernelFacts,
  value: Duration,
  name: 'every' | 'after',
  action: string,
): TimerArgument {
  // Fast path: nearly all durations are whole milliseconds.
  if (Number.isSafeInteger(value) && typeof value === 'number' && value > 0) {
    return { fflags: 0, data: value };
  }
  const total = parseNanoseconds(value, name, action);
  if (total < 0n || (total === 0n && isZero(value) && name === 'every')) {
    const expected = name === 'every' ? 'more than 0' : '0 or more';
    throw new RangeError(misuse(action, name, expected, amountIn(value)));
  }
  const argument = toTimerUnits(facts, total === 0n ? NANOSECONDS.ns : total);
  return checkRange(argument, value, name, action);
}

function amountIn(value: Duration): unknown {
  if (typeof value === 'number') return value;
  const given: { readonly [unit: string]: unknown } = { ...value };
  return UNITS.map((unit) => given[unit]).find((each) => each !== undefined);
}

/** Check that a duration fits the kernel's `data`. */
function checkRange(
  argument: TimerArgument,
  value: Duration,
  name: string,
  action: string,
): TimerArgument {
  const { data } = argument;
  if (data < TWO_63) return argument;
  const expected = 'less than 2**63 of its units';
  throw new RangeError(misuse(action, name, expected, amountIn(value)));
}

/** Whether a duration is zero, rather than less than a nanosecond. */
const isZero = (value: Duration): boolean => Number(amountIn(value)) === 0;

/**
 * Encode a point in time for the kernel's timers.
 *
 * @throws {TypeError | RangeError} If it is not a point in time.
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` if the kernel has no absolute
 * timers.
 */
export function timerDeadline(
  facts: KernelFacts,
  value: TimePoint,
  action: string,
): TimerArgument {
  // Also a Date of another realm, or from before fake timers replaced the class.
  const date = types.isDate(value) ? value.getTime() : value;
  const total = parseNanoseconds(date, 'at', action);
  if (total < 0n) {
    // Kernels refuse it in some units, and never fire it in others.
    const expected = 'a time from 1970 on';
    throw new RangeError(misuse(action, 'at', expected, amountIn(date)));
  }
  const { absolute } = facts.timerUnits;
  if (absolute === undefined) {
    throw unsupported(
      `the timers of this release of ${facts.name} count milliseconds from now, so there is no 'at': use 'after'`,
    );
  }
  const isBeforeStart = facts.name === 'freebsd' && total < LOADED;
  const due = isBeforeStart ? LOADED : total;
  const argument = toTimerUnits(facts, due);
  const { fflags, data } = checkRange(argument, date, 'at', action);
  return { fflags: fflags | facts.constants[absolute], data };
}
