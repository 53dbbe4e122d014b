import { KqueueError } from '../errors.js';

/** What is said where the running kernel lacks what was asked for. */
export const unsupported = (reason: string): KqueueError =>
  new KqueueError(
    `Not to be had from this kernel: ${reason}`,
    'ERR_KQUEUE_UNSUPPORTED',
  );
