import type { Knote } from '../knote.js';

/**
 * One EVFILT_. Errors are Darwin errno numbers, 0 for none.
 *
 * A filter never activates its knotes itself: it says, when asked, whether
 * there is something to report, and leaves what in the knote.
 */
export interface Filter {
  /** Begin to watch what the knote requests. */
  attach(knote: Knote): number;
  /** Take a change to an existing knote; on an error nothing is changed. */
  touch(
    knote: Knote,
    fflags: number,
    dataLow: number,
    dataHigh: number,
    ext: Int32Array | null,
  ): number;
  /** Whether there is an event now. */
  evaluate(knote: Knote): boolean;
  /** The event is being delivered: move on. */
  delivered(knote: Knote): void;
  /** Stop watching. */
  detach(knote: Knote): void;
  /** Why it refused a change, in addition to the errno's name. */
  reason?(errno: number, ident: number): string | undefined;
}

/** Store the request of a touch. */
export function storeRequest(
  knote: Knote,
  fflags: number,
  dataLow: number,
  dataHigh: number,
): void {
  knote.requestedFflags = fflags;
  knote.requestedLow = dataLow;
  knote.requestedHigh = dataHigh;
}

/** A touch of a filter whose source depends on the request: of its low-water mark. */
export function touchSource(
  knote: Knote,
  fflags: number,
  dataLow: number,
  dataHigh: number,
): number {
  storeRequest(knote, fflags, dataLow, dataHigh);
  knote.queue.sources.update(knote);
  return 0;
}
