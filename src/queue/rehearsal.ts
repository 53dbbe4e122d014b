import { close, kevent, kqueue } from '../calls/index.js';
import { KqueueError } from '../errors.js';
import type { KeventInit } from '../memory/index.js';

/** Test whether the kernel would accept a record: 0 or an errno. */
export type Rehearse = (record: KeventInit) => number;

/**
 * Register a record with a temporary queue. Returns 0 too if no queue can be
 * made: then the real call decides.
 */
export const rehearse: Rehearse = (record) => {
  let kq: number;
  try {
    kq = kqueue();
  } catch {
    return 0;
  }
  try {
    kevent(kq, [record], null, 0);
    return 0;
  } catch (error) {
    if (!(error instanceof KqueueError && error.errno)) throw error;
    return error.code === 'EINTR' ? 0 : -error.errno;
  } finally {
    close(kq);
  }
};
