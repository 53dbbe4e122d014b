import { D, DE } from './constants.js';
import type { Descriptor } from './descriptor.js';
import type { Knote } from './knote.js';

/**
 * Decides whether a filter refuses a descriptor. Returns a Darwin errno, or 0.
 */
export type Refusal = (knote: Knote, descriptor: Descriptor) => number;

export const refuseRead: Refusal = (knote, { kind }) => {
  switch (kind) {
    case 'directory':
      return DE.EINVAL;
    case 'device':
      // A low-water mark of 1 is the condition of select(2).
      return knote.requestedFflags === D.NOTE_LOWAT &&
        knote.requestedLow === 1 &&
        knote.requestedHigh === 0
        ? 0
        : DE.EINVAL;
    case 'other':
      return DE.ENOTSUP;
    default:
      return 0;
  }
};

export const refuseWrite: Refusal = (knote, descriptor) =>
  descriptor.kind === 'kqueue' ? DE.EINVAL : refuseRead(knote, descriptor);

export const refuseExcept: Refusal = (_, { kind }) =>
  kind === 'socket' ? 0 : DE.EINVAL;

/** EVFILT_VNODE refuses a descriptor without a vnode. */
export const refuseVnode: Refusal = (_, { kind, isMemfd }) =>
  isMemfd ||
  kind === 'pipe' ||
  kind === 'socket' ||
  kind === 'kqueue' ||
  kind === 'other'
    ? DE.EINVAL
    : 0;

/** Why a filter refuses a descriptor, by the errno. */
export const reasonOfRefusal = (
  errno: number,
  watched: string,
): string | undefined =>
  errno === DE.EINVAL ? `it watches only ${watched}` : undefined;
