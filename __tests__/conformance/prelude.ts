// What the files of the suite share, as one import.
import type { Kevent } from '../../src/index.js';
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
} from './constants.js';
import * as libc from './libc.js';

export * from './calls.js';
export * from './cases.js';
export * from './constants.js';
export * from './outsider.js';
export * from './world.js';
export { libc };

/** The identity of a registration, to which a test adds flags. */
export const read = (ident: number) => ({ ident, filter: EVFILT_READ });
export const write = (ident: number) => ({ ident, filter: EVFILT_WRITE });
export const user = (ident: number | bigint) => ({
  ident,
  filter: EVFILT_USER,
});
export const timer = (ident: number | bigint) => ({
  ident,
  filter: EVFILT_TIMER,
});
export const addRead = (ident: number) => ({ ...read(ident), flags: EV_ADD });
export const addWrite = (ident: number) => ({ ...write(ident), flags: EV_ADD });

/** The flags of an edge-triggered registration, and of its events. */
export const EDGE = EV_ADD | EV_CLEAR;

/** Date.now() is cut to the millisecond. */
export const ROUNDING = 1;

/** Whether poll(2) reports the queue as readable. */
export const isReadable = (q: number): boolean =>
  (libc.poll(q, libc.POLLIN) & libc.POLLIN) !== 0;

/** Events without their data: how much space there is differs by kernel. */
export const withoutData = (events: readonly Kevent[]): Kevent[] =>
  events.map((event) => ({ ...event, data: 0 }));

export const identsOf = (events: readonly Kevent[]) =>
  events.map(({ ident }) => ident);
