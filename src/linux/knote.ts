import type { Filter } from './filters/filter.js';
import type { Timer } from './filters/timer.js';
import { highWord, lowWord } from './int64.js';
import type { Queue } from './queue.js';
import type { FdSource } from './source.js';

/**
 * One registration. Fields that a filter does not use stay at their zero, so
 * that all knotes have one shape.
 */
export interface Knote {
  readonly queue: Queue;
  readonly filter: Filter;
  readonly filterNumber: number;
  /** Counts up: newer registrations of one object are posted first. */
  readonly serial: number;
  readonly identLow: number;
  readonly identHigh: number;
  /** The flags given at creation, plus what the filter added. */
  flags: number;
  /** `fflags` and `data` of the last change. */
  requestedFflags: number;
  requestedLow: number;
  requestedHigh: number;
  /** `fflags` and `data` of the event. */
  fflags: number;
  dataLow: number;
  dataHigh: number;
  udataLow: number;
  udataHigh: number;
  /** `ext` of the change that made it, for kevent64; of a timer, what it reports. */
  ext: Int32Array | null;
  /** It has an event, or had when it was last evaluated. */
  active: boolean;
  /** It is in the queue's FIFO. */
  queued: boolean;
  disabled: boolean;
  /** Deleted while disabled: one last event when it is enabled. */
  deleting: boolean;
  /** It was made with EV_VANISHED: it reports the closing of its descriptor. */
  readonly reportsVanished: boolean;
  /** Its descriptor was closed: it reports EV_VANISHED. */
  vanished: boolean;
  /** It is no longer registered. */
  dropped: boolean;
  /** EVFILT_USER: triggered and not reset. */
  triggered: boolean;
  /** The descriptor it hangs on, for filters of descriptors. */
  source: FdSource | null;
  timer: Timer | null;
  /** Neighbours in the FIFO. */
  previous: Knote | null;
  next: Knote | null;
  /** The next knote of the same ident and filter (EV_UDATA_SPECIFIC). */
  sibling: Knote | null;
}

/** Set `data` to an integer that a double holds exactly. */
export function setData(knote: Knote, value: number): void {
  knote.dataLow = lowWord(value);
  knote.dataHigh = highWord(value);
}
