import { D } from '../constants.js';
import type { Knote } from '../knote.js';
import type { Filter } from './filter.js';

/** EVFILT_USER: rules K. */
export const userFilter: Filter = {
  attach(knote) {
    // The control bits of the first change are stored with the other bits.
    knote.triggered = (knote.requestedFflags & D.NOTE_TRIGGER) !== 0;
    return 0;
  },

  touch(knote, fflags, dataLow, dataHigh) {
    knote.requestedFflags = combine(knote.requestedFflags, fflags);
    knote.requestedLow = dataLow;
    knote.requestedHigh = dataHigh;
    if ((fflags & D.NOTE_TRIGGER) !== 0) knote.triggered = true;
    return 0;
  },

  evaluate(knote) {
    knote.fflags = knote.requestedFflags;
    knote.dataLow = knote.requestedLow;
    knote.dataHigh = knote.requestedHigh;
    return knote.triggered;
  },

  delivered(knote: Knote) {
    if ((knote.flags & D.EV_CLEAR) !== 0) knote.triggered = false;
  },

  detach() {},
};

function combine(stored: number, fflags: number): number {
  const value = fflags & D.NOTE_FFLAGSMASK;
  switch ((fflags & D.NOTE_FFCTRLMASK) >>> 0) {
    case D.NOTE_FFAND:
      return stored & value;
    case D.NOTE_FFOR:
      return stored | value;
    case D.NOTE_FFCOPY:
      return value;
    default:
      return stored;
  }
}
