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
  /** What was asked for: the `fflags` and `data` of the last change. */
  requestedFflags: number;
  requestedLow: number;
  requestedHigh: number;
  /** What happened. */
  fflags: number;
  dataLow: number;
  dataHigh: number;
  udataLow: number;
  udataHigh: number;
  /** `ext` of the change that made it, for kevent64. */
  readonly ext: Int32Array | null;
  /** It has something to report, or had when last looked at. */
  active: boolean;
  /** It is in the queue's FIFO. */
  queued: boolean;
  disabled: boolean;
  /** Deleted while disabled: one last event when it is enabled. */
  deleting: boolean;
  /** Its descriptor was closed and it asked to be told. */
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

/** The queue's list of knotes with something to report, oldest first. */
export class Fifo {
  head: Knote | null = null;
  tail: Knote | null = null;
  length = 0;

  push(knote: Knote): void {
    knote.queued = true;
    knote.next = null;
    knote.previous = this.tail;
    if (this.tail === null) this.head = knote;
    else this.tail.next = knote;
    this.tail = knote;
    this.length++;
  }

  remove(knote: Knote): void {
    const { previous, next } = knote;
    if (previous === null) this.head = next;
    else previous.next = next;
    if (next === null) this.tail = previous;
    else next.previous = previous;
    knote.previous = null;
    knote.next = null;
    knote.queued = false;
    this.length--;
  }
}
