import type { Filter } from './filters/filter.js';
import type { Timer } from './filters/timer.js';
import { highWord, lowWord } from './int64.js';
import type { Queue } from './queue.js';
import type { FdSource } from './source.js';

/**
 * One registration. Unused fields stay zero, so that all knotes have one shape.
 */
export interface Knote {
  readonly queue: Queue;
  readonly filter: Filter;
  readonly filterNumber: number;
  /** Counts up. Newer knotes of an object are posted first. */
  readonly serial: number;
  readonly identLow: number;
  readonly identHigh: number;
  /** The flags given at creation, and those that the filter added. */
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
  /**
   * `ext` of the change that created it, for kevent64; of a timer, the value to
   * report.
   */
  ext: Int32Array | null;
  /** There is an event, or was when it was last evaluated. */
  active: boolean;
  /** It is in the queue's FIFO. */
  queued: boolean;
  disabled: boolean;
  /**
   * It was deleted while disabled: it reports one last event when it is
   * enabled.
   */
  deleting: boolean;
  /**
   * It was created with EV_VANISHED: it reports that its descriptor was closed.
   */
  readonly reportsVanished: boolean;
  /** Its descriptor was closed, and it reports EV_VANISHED. */
  vanished: boolean;
  /** It is no longer registered. */
  dropped: boolean;
  /** EVFILT_USER: triggered and not reset. */
  triggered: boolean;
  /** The source that it is attached to, for filters of descriptors. */
  source: FdSource | null;
  timer: Timer | null;
  /** The previous and the next knote in the FIFO. */
  previous: Knote | null;
  next: Knote | null;
  /** The next knote with the same ident and filter (EV_UDATA_SPECIFIC). */
  sibling: Knote | null;
}

/** Set `data` to an integer that is exact as a double. */
export function setData(knote: Knote, value: number): void {
  knote.dataLow = lowWord(value);
  knote.dataHigh = highWord(value);
}
