import type { KernelFacts } from '../abi/index.js';
import { KqueueError } from '../errors.js';
import { now, setTimerUnitsProbe } from '../host/index.js';
import { type KeventList, listFor } from './kevent-list.js';
import { currentKernel } from './running-kernel.js';
import { calls, type Syscalls } from './syscalls.js';

/**
 * How a kernel treats timer units: it has them, it treats every number as
 * milliseconds, or it behaves like another kernel.
 */
export type TimerUnits = 'units' | 'milliseconds' | 'other';

/** A bit of fflags that has no meaning in any release. */
const UNKNOWN_BIT = 0x40;

/** Idents of timers. The time at which each fires shows the units. */
const NANOSECONDS = 1; // 4 ms, or 4000 s where it counts as milliseconds
const MICROSECONDS = 2; // 8 ms, or 8 s
const SECONDS = 3; // 2 s, or 2 ms
const CONTROL = 4;
/**
 * A separate ident: before NetBSD 10 and on DragonFly a timer keeps its first
 * time.
 */
const UNKNOWN = 5;
const NANOSECONDS_MS = 4;
const MICROSECONDS_MS = 8;
const CONTROL_MS = 25;
/** The clock of a timer may be this much ahead of ours. */
const CLOCK_SKEW_MS = 1;
const MAX_WAIT_MS = 3000;
const MAX_CALLS = 100;

/** Whether a change is refused with EINVAL. */
function isInvalid(change: () => void): boolean {
  try {
    change();
    return false;
  } catch (error) {
    if (error instanceof KqueueError && error.code === 'EINVAL') return true;
    throw error;
  }
}

/**
 * Determine the units of a kernel's timers. A kernel without units ignores
 * their bits, so a time in microseconds would take a thousand times as long.
 * FreeBSD, and the releases of NetBSD (10) and OpenBSD (7.4) that have units,
 * also refuse unknown bits. A kernel that refuses none is measured, which
 * blocks for 8 ms, or 25 ms if it has no units.
 *
 * @throws {KqueueError} If there is no queue to try it on.
 */
export function findTimerUnits(
  { constants, timerUnits }: KernelFacts,
  { kqueue, kevent, close }: Pick<Syscalls, 'kqueue' | 'kevent' | 'close'>,
  events: KeventList,
): TimerUnits {
  const seconds: number | undefined = constants[timerUnits.seconds ?? ''];
  const micros: number | undefined = constants[timerUnits.microseconds ?? ''];
  const nanos: number | undefined = constants[timerUnits.nanoseconds ?? ''];
  if (seconds === undefined || micros === undefined || nanos === undefined) {
    return 'milliseconds';
  }
  const { EVFILT_TIMER, EV_ADD, EV_ONESHOT, EV_ERROR } = constants;
  const kq = kqueue();
  const add = (ident: number, fflags: number, data: number): void => {
    const flags = EV_ADD | EV_ONESHOT;
    const change = { ident, filter: EVFILT_TIMER, flags, fflags, data };
    kevent(kq, [change], null, 0);
  };
  try {
    const start = now();
    const isRefused = isInvalid(() => {
      add(NANOSECONDS, nanos, NANOSECONDS_MS * 1e6);
      add(MICROSECONDS, micros, MICROSECONDS_MS * 1e3);
      add(SECONDS, seconds, 2);
    });
    if (isRefused) return 'milliseconds';
    if (isInvalid(() => add(UNKNOWN, UNKNOWN_BIT, 60_000))) return 'units';
    add(CONTROL, 0, CONTROL_MS);
    /** The time after which each timer fired, by ident. */
    const fired = new Map<number, number>();
    const end = start + MAX_WAIT_MS;
    for (let i = 0; i < MAX_CALLS && now() < end; i++) {
      const count = kevent(kq, null, events, end - now());
      for (let at = 0; at < count; at++) {
        const isError = (events.flags(at) & EV_ERROR) !== 0;
        if (!isError) fired.set(Number(events.ident(at)), now() - start);
      }
      const isOver = fired.has(NANOSECONDS) && fired.has(MICROSECONDS);
      if (isOver || fired.has(CONTROL)) break;
    }
    return unitsBy(fired);
  } finally {
    close(kq);
  }
}

function unitsBy(fired: ReadonlyMap<number, number>): TimerUnits {
  const nanos = fired.get(NANOSECONDS);
  const micros = fired.get(MICROSECONDS);
  if (nanos === undefined && micros === undefined) {
    const isInMs = fired.has(SECONDS) && fired.has(CONTROL);
    return isInMs ? 'milliseconds' : 'other';
  }
  const isRight = (after: number | undefined, ms: number): boolean =>
    after !== undefined && after >= ms - CLOCK_SKEW_MS;
  return isRight(nanos, NANOSECONDS_MS) && isRight(micros, MICROSECONDS_MS)
    ? 'units'
    : 'other';
}

setTimerUnitsProbe(() => {
  const kernel = currentKernel();
  const events = listFor(kernel.words, 8);
  return findTimerUnits(kernel.facts, calls, events) === 'units';
});
