import { D } from '../constants.js';
import type { Knote } from '../knote.js';
import type { Filter } from './filter.js';

/** EVFILT_USER: spec K. */
export const userFilter: Filter = {
  attach(knote) {
    // The control bits of the first change are stored with the rest.
    knote.latched = (knote.askedFflags & D.NOTE_TRIGGER) !== 0;
    return 0;
  },

  touch(knote, fflags, dataLow, dataHigh) {
    knote.askedFflags = combine(knote.askedFflags, fflags);
    knote.askedLow = dataLow;
    knote.askedHigh = dataHigh;
    if ((fflags & D.NOTE_TRIGGER) !== 0) knote.latched = true;
    return 0;
  },

  evaluate(knote) {
    knote.fflags = knote.askedFflags;
    knote.dataLow = knote.askedLow;
    knote.dataHigh = knote.askedHigh;
    return knote.latched;
  },

  delivered(knote: Knote) {
    if ((knote.flags & D.EV_CLEAR) !== 0) knote.latched = false;
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
