import type { KernelFacts } from '../abi/index.js';
import { misuse, throwBadInteger } from '../errors.js';
import { unsupported } from '../host/index.js';

/** An amount of time in a unit. */
export type Amount =
  | { readonly s: number | bigint }
  | { readonly ms: number | bigint }
  | { readonly us: number | bigint }
  | { readonly ns: number | bigint };

/**
 * How long: a number of milliseconds, fractions allowed, or an amount in
 * seconds, milliseconds, microseconds or nanoseconds.
 */
export type Duration = number | Amount;

/** A time: a `Date`, or how long after the beginning of 1970 (UTC) it is. */
export type TimePoint = Date | Duration;

/** A time as a timer of the kernel takes it. */
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
 * A duration in nanoseconds, exactly; parts of a nanosecond are rounded.
 *
 * @throws {TypeError | RangeError} If it is none.
 */
function parseNanoseconds(
  value: unknown,
  name: string,
  action: string,
): bigint {
  let found: bigint | undefined;
  if (typeof value === 'number') {
    found = toNanoseconds(value, 'ms');
  } else if (typeof value === 'object' && value !== null) {
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
 * Say a time in the coarsest unit of milliseconds, microseconds and
 * nanoseconds that says it exactly. A kernel without units gets milliseconds,
 * rounded up: late rather than early.
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
  if (total % NANOSECONDS.us === 0n) {
    const data = toNumberIfSafe(total / NANOSECONDS.us);
    return { fflags: constants[microseconds], data };
  }
  return { fflags: constants[nanoseconds], data: toNumberIfSafe(total) };
}

/**
 * How long, as the kernel's timers take it. Zero, where it is allowed, is the
 * shortest time there is: some kernels refuse 0, or never fire.
 *
 * @throws {TypeError | RangeError} If it is no duration, or below `minimum`.
 */
export function timerDuration(
  facts: KernelFacts,
  value: Duration,
  name: 'every' | 'after',
  action: string,
): TimerArgument {
  // Whole milliseconds are what nearly everybody asks for.
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

/** Check that a timer has room for it. */
function checkRange(
  argument: TimerArgument,
  value: Duration,
  name: string,
  action: string,
): TimerArgument {
  const { data } = argument;
  if (data < TWO_63 && data >= -TWO_63) return argument;
  const expected = 'less than 2**63 of its units';
  throw new RangeError(misuse(action, name, expected, amountIn(value)));
}

/** Whether it is nothing, and not just less than a nanosecond. */
const isZero = (value: Duration): boolean => Number(amountIn(value)) === 0;

/**
 * A time, as the kernel's timers take it.
 *
 * @throws {TypeError | RangeError} If it is no time.
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` if the kernel's timers take no
 * time of day.
 */
export function timerDeadline(
  facts: KernelFacts,
  value: TimePoint,
  action: string,
): TimerArgument {
  const date = value instanceof Date ? value.getTime() : value;
  const total = parseNanoseconds(date, 'at', action);
  if (total < 0n) {
    // A kernel refuses it in some units and never fires in others.
    const expected = 'a time from 1970 on';
    throw new RangeError(misuse(action, 'at', expected, amountIn(date)));
  }
  const { absolute } = facts.timerUnits;
  if (absolute === undefined) {
    throw unsupported(
      `the timers of this release of ${facts.name} count milliseconds from now, so there is no 'at': use 'after'`,
    );
  }
  const argument = toTimerUnits(facts, total);
  const { fflags, data } = checkRange(argument, date, 'at', action);
  return { fflags: fflags | facts.constants[absolute], data };
}
