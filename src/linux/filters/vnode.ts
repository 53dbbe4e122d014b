import { D, DE } from '../constants.js';
import { type Filter, storeAsked } from './filter.js';
import type { Refusal } from './read.js';

/** Whatever has no vnode. */
const refuse: Refusal = (_, { kind }) =>
  kind === 'pipe' || kind === 'socket' || kind === 'kqueue' || kind === 'other'
    ? DE.EINVAL
    : 0;

/**
 * EVFILT_VNODE: spec I. What happens is collected in `fflags` when it happens,
 * so there is nothing to ask when it is delivered.
 */
export const vnodeFilter: Filter = {
  attach(knote) {
    return knote.queue.watch(knote, 'vnode', refuse);
  },

  touch(knote, fflags, dataLow, dataHigh) {
    storeAsked(knote, fflags, dataLow, dataHigh);
    return 0;
  },

  evaluate(knote) {
    return knote.fflags !== 0 || (knote.flags & D.EV_EOF) !== 0;
  },

  delivered(knote) {
    if ((knote.flags & D.EV_CLEAR) !== 0) knote.fflags = 0;
  },

  detach(knote) {
    knote.queue.unwatch(knote);
  },
};
