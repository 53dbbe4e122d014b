import { KqueueError } from '../errors.js';

/** The error for a feature that the running kernel lacks. */
export const unsupported = (reason: string): KqueueError =>
  new KqueueError(
    `Not supported by this kernel: ${reason}`,
    'ERR_KQUEUE_UNSUPPORTED',
  );
