import type { KernelFacts } from '../abi/index.js';
import { KqueueError } from '../errors.js';
import { now, setTimerUnitsProbe } from '../host/index.js';
import { type KeventList, listFor } from './kevent-list.js';
import { currentKernel } from './running-kernel.js';
import { calls, type Syscalls } from './syscalls.js';

/**
 * A kernel's handling of timer units: it has them, it takes every
 * number for milliseconds, or it does something else, as another kernel would.
 */
export type TimerUnits = 'units' | 'milliseconds' | 'other';

/** A bit of fflags that no release gives a meaning to. */
const UNKNOWN_BIT = 0x40;

/** The first to fire tells the units apart: idents and amounts of time. */
const NANOSECONDS = 1; // 1 ms, or 1000 s where it counts as milliseconds
const SECONDS = 2; // 2 s, or 2 ms
const CONTROL = 3;
const CONTROL_MS = 25;
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
 * Find out on a live kernel what the units of its timers are. A kernel without
 * units ignores their bits, so a time in microseconds would take a thousand
 * times as long.
 *
 * The releases that have units (NetBSD 10, OpenBSD 7.4) also refuse the bits
 * that they do not know. A kernel that refuses none is measured, which blocks for 25 ms.
 *
 * @throws {KqueueError} If there is no queue to try it on.
 */
export function findTimerUnits(
  { constants, timerUnits }: KernelFacts,
  { kqueue, kevent, close }: Pick<Syscalls, 'kqueue' | 'kevent' | 'close'>,
  events: KeventList,
): TimerUnits {
  const seconds: number | undefined = constants[timerUnits.seconds ?? ''];
  const nanos: number | undefined = constants[timerUnits.nanoseconds ?? ''];
  if (seconds === undefined || nanos === undefined) return 'milliseconds';
  const { EVFILT_TIMER, EV_ADD, EV_ONESHOT, EV_ERROR } = constants;
  const kq = kqueue();
  const add = (ident: number, fflags: number, data: number): void => {
    const flags = EV_ADD | EV_ONESHOT;
    const change = { ident, filter: EVFILT_TIMER, flags, fflags, data };
    kevent(kq, [change], null, 0);
  };
  try {
    const isRefused = isInvalid(() => {
      add(NANOSECONDS, nanos, 1_000_000);
      add(SECONDS, seconds, 2);
    });
    if (isRefused) return 'milliseconds';
    if (isInvalid(() => add(CONTROL, UNKNOWN_BIT, 60_000))) return 'units';
    add(CONTROL, 0, CONTROL_MS);
    const fired = new Set<number>();
    const end = now() + MAX_WAIT_MS;
    for (let i = 0; i < MAX_CALLS && now() < end; i++) {
      const count = kevent(kq, null, events, end - now());
      for (let at = 0; at < count; at++) {
        const isError = (events.flags(at) & EV_ERROR) !== 0;
        if (!isError) fired.add(Number(events.ident(at)));
      }
      if (fired.has(NANOSECONDS)) return 'units';
      if (fired.has(CONTROL)) break;
    }
    return fired.has(SECONDS) && fired.has(CONTROL) ? 'milliseconds' : 'other';
  } finally {
    close(kq);
  }
}

setTimerUnitsProbe(() => {
  const kernel = currentKernel();
  const events = listFor(kernel.words, 8);
  return findTimerUnits(kernel.facts, calls, events) === 'units';
});
