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
/** How long one call waits. A timer in a smaller unit fires much earlier. */
const POLL_MS = 1;
/** All times are doubled if this thread was too late to see which fired early. */
const MAX_SCALE = 16;
const MAX_WAIT_MS = 3000;
const MAX_CALLS = 3000;

/** When one timer was seen, in milliseconds. */
interface Sighting {
  /** When the last call that did not report it began, after it was set. */
  unseen: number;
  /** When a call that reported it returned, since before it was set. */
  fired?: number;
}

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
 * blocks for 8 ms, or 25 ms if it has no units, and longer on a busy machine.
 *
 * @throws {KqueueError} If there is no queue to try it on.
 */
export function findTimerUnits(
  facts: KernelFacts,
  syscalls: Pick<Syscalls, 'kqueue' | 'kevent' | 'close'>,
  events: KeventList,
): TimerUnits {
  for (let scale = 1; scale <= MAX_SCALE; scale *= 2) {
    const found = measure(facts, syscalls, events, scale);
    if (found !== undefined) return found;
  }
  return 'other';
}

/** Measure once; undefined if this thread was too late to tell. */
function measure(
  { constants, timerUnits }: KernelFacts,
  { kqueue, kevent, close }: Pick<Syscalls, 'kqueue' | 'kevent' | 'close'>,
  events: KeventList,
  scale: number,
): TimerUnits | undefined {
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
      add(NANOSECONDS, nanos, NANOSECONDS_MS * 1e6 * scale);
      add(MICROSECONDS, micros, MICROSECONDS_MS * 1e3 * scale);
      add(SECONDS, seconds, 2);
    });
    if (isRefused) return 'milliseconds';
    if (isInvalid(() => add(UNKNOWN, UNKNOWN_BIT, 60_000))) return 'units';
    add(CONTROL, 0, CONTROL_MS * scale);
    const set = now();
    const seen = new Map<number, Sighting>(
      [NANOSECONDS, MICROSECONDS, SECONDS, CONTROL].map((ident) => [
        ident,
        { unseen: 0 },
      ]),
    );
    const hasFired = (ident: number) => seen.get(ident)?.fired !== undefined;
    const end = start + MAX_WAIT_MS;
    for (let i = 0; i < MAX_CALLS && now() < end; i++) {
      const began = now() - set;
      const count = kevent(kq, null, events, POLL_MS);
      for (let at = 0; at < count; at++) {
        if ((events.flags(at) & EV_ERROR) !== 0) continue;
        const sighting = seen.get(Number(events.ident(at)));
        if (sighting !== undefined) sighting.fired = now() - start;
      }
      for (const sighting of seen.values()) {
        if (sighting.fired === undefined) sighting.unseen = began;
      }
      if (hasFired(NANOSECONDS) && hasFired(MICROSECONDS)) break;
      if (hasFired(CONTROL)) break;
    }
    if (!hasFired(NANOSECONDS) && !hasFired(MICROSECONDS)) {
      const isInMs = hasFired(SECONDS) && hasFired(CONTROL);
      return isInMs ? 'milliseconds' : 'other';
    }
    const inTime = [
      isInTime(seen.get(NANOSECONDS), NANOSECONDS_MS * scale),
      isInTime(seen.get(MICROSECONDS), MICROSECONDS_MS * scale),
    ];
    if (inTime.includes(false)) return 'other';
    return inTime.includes(undefined) ? undefined : 'units';
  } finally {
    close(kq);
  }
}

/** Whether a timer fired in time; undefined if it may have been early. */
function isInTime(
  sighting: Sighting | undefined,
  ms: number,
): boolean | undefined {
  if (sighting?.fired === undefined) return false;
  if (sighting.fired < ms - CLOCK_SKEW_MS) return false;
  return sighting.unseen >= POLL_MS ? true : undefined;
}

setTimerUnitsProbe(() => {
  const kernel = currentKernel();
  const events = listFor(kernel.words, 8);
  return findTimerUnits(kernel.facts, calls, events) === 'units';
});
