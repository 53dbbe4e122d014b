import { D } from './constants.js';
import { toDouble } from './int64.js';
import type { Knote } from './knote.js';

/** The low-water mark of a change. */
type Request = Pick<
  Knote,
  'requestedFflags' | 'requestedLow' | 'requestedHigh'
>;

/** Whether a knote has a low-water mark of its own. */
export const hasLowWater = ({
  requestedFflags,
}: Pick<Request, 'requestedFflags'>): boolean =>
  (requestedFflags & D.NOTE_LOWAT) !== 0;

/** The low-water mark in bytes: that of NOTE_LOWAT, but not below `minimum`. */
export function lowWater(knote: Request, minimum: number): number {
  if ((knote.requestedFflags & D.NOTE_LOWAT) === 0) return minimum;
  return Math.max(toDouble(knote.requestedLow, knote.requestedHigh), minimum);
}
