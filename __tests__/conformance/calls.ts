// kevent(2) in the three forms the case list speaks in, and its answers in a
// form whose difference is readable.
import {
  type Kevent,
  type KeventInit,
  KeventList,
  KqueueError,
  kevent,
  type Timeout,
} from '../../src/index.js';
import {
  comparable,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
} from './constants.js';

/** The fields a test expects of an event: omitted fields must be zero. */
export interface Expected {
  readonly ident: number | bigint;
  readonly filter: number;
  readonly flags?: number;
  readonly fflags?: number;
  readonly data?: number | bigint;
  readonly udata?: number | bigint;
}

const FILTERS = new Map([
  [EVFILT_PROC, 'PROC'],
  [EVFILT_FS, 'FS'],
  [EVFILT_SIGNAL, 'SIGNAL'],
  [EVFILT_READ, 'READ'],
  [EVFILT_WRITE, 'WRITE'],
  [EVFILT_VNODE, 'VNODE'],
  [EVFILT_TIMER, 'TIMER'],
  [EVFILT_USER, 'USER'],
  [EVFILT_EXCEPT, 'EXCEPT'],
]);

const hex = (bits: number): string => `0x${(bits >>> 0).toString(16)}`;

/** One event as a line. */
export const line = (event: Expected): string =>
  [
    event.ident,
    FILTERS.get(event.filter) ?? event.filter,
    `flags=${hex(comparable(event.flags ?? 0))}`,
    `fflags=${hex(event.fflags ?? 0)}`,
    `data=${event.data ?? 0}`,
    `udata=0x${(event.udata ?? 0).toString(16)}`,
  ].join(' ');

/** Exactly these events, in this order, in every field. */
export function expectEvents(
  actual: readonly Kevent[],
  ...expected: readonly Expected[]
): void {
  expect(actual.map(line)).toEqual(expected.map(line));
}

/** Call kevent with changes and room for `nevents`: the entries it wrote. */
export function change(
  kq: number,
  changes: readonly KeventInit[],
  nevents: number,
  timeout: Timeout = 0,
): Kevent[] {
  const list = nevents === 0 ? null : new KeventList(nevents);
  const count = kevent(
    kq,
    changes.length === 0 ? null : changes,
    list,
    timeout,
  );
  const events = list === null ? [] : [...list];
  expect(count).toBe(events.length);
  return events;
}

/** Apply changes with nevents 0: the first failure is thrown. */
export function chg(kq: number, ...changes: readonly KeventInit[]): void {
  expect(kevent(kq, changes, null)).toBe(0);
}

/** Wait up to `timeout` for events. */
export const get = (kq: number, nevents: number, timeout: Timeout): Kevent[] =>
  change(kq, [], nevents, timeout);

/** As {@link get}, also through signals, such as that of a child's end. */
export function getThrough(kq: number, nevents: number, ms: number): Kevent[] {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return get(kq, nevents, Math.max(0, end - performance.now()));
    } catch (error) {
      if (!(error instanceof KqueueError) || error.code !== 'EINTR')
        throw error;
    }
  }
}

/** Currently readable. */
export const poll = (kq: number, nevents = 8): Kevent[] => get(kq, nevents, 0);

/** Long enough for anything that is under way; never waited out when right. */
export const SOON = 5000;

/** The code of the error a call ends with, or 'none'. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof KqueueError) return error.code;
    throw error;
  }
  return 'none';
}

/** The code of the error these changes end with, or 'none'. */
export const refusal = (
  kq: number,
  ...changes: readonly KeventInit[]
): string => codeOf(() => kevent(kq, changes, null));

/** Run it and say how many milliseconds it took. */
export function elapsed(call: () => unknown): number {
  const start = performance.now();
  call();
  return performance.now() - start;
}
