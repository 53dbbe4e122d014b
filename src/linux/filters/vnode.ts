import { D } from '../constants.js';
import { inotifyReason } from '../inotify-limits.js';
import { reasonOfRefusal, refuseVnode } from '../refusal.js';
import { type Filter, storeRequest } from './filter.js';

/**
 * EVFILT_VNODE: rules I. Posts collect notes in `fflags`, so delivery evaluates
 * nothing.
 */
export const vnodeFilter: Filter = {
  attach(knote) {
    return knote.queue.sources.attach(knote, 'vnode', refuseVnode);
  },

  touch(knote, fflags, dataLow, dataHigh) {
    storeRequest(knote, fflags, dataLow, dataHigh);
    return 0;
  },

  evaluate(knote) {
    return knote.fflags !== 0;
  },

  delivered(knote) {
    if ((knote.flags & D.EV_CLEAR) !== 0) knote.fflags = 0;
  },

  detach(knote) {
    knote.queue.sources.detach(knote);
  },

  reason(errno, fd) {
    return (
      reasonOfRefusal(errno, 'files, directories, FIFOs and devices') ??
      inotifyReason(errno, fd)
    );
  },
};
