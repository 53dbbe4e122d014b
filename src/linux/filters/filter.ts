import type { Knote } from '../knote.js';

/**
 * A filter, EVFILT_…. Errors are Darwin errno numbers, 0 for none. A filter
 * never activates its knotes itself: `evaluate` decides whether there is an
 * event, and stores it in the knote.
 */
export interface Filter {
  /** Begin to watch what the knote requests. */
  attach(knote: Knote): number;
  /** Apply a change to an existing knote. After an error nothing is changed. */
  touch(
    knote: Knote,
    fflags: number,
    dataLow: number,
    dataHigh: number,
    ext: Int32Array | null,
  ): number;
  /** Evaluate whether there is an event now. */
  evaluate(knote: Knote): boolean;
  /** Update the knote: its event is being delivered. */
  delivered(knote: Knote): void;
  /** Stop watching. */
  detach(knote: Knote): void;
  /** Why it refused a change, in addition to the errno's name. */
  reason?(errno: number, ident: number): string | undefined;
}

/** Store the parameters of a touch. */
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

/** Apply a touch of a filter whose source depends on the low-water mark. */
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
