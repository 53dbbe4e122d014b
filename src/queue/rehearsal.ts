import { close, kevent, kqueue } from '../calls/index.js';
import { KqueueError } from '../errors.js';
import type { KeventInit } from '../memory/index.js';

/** Whether the kernel would register a record: 0 or an errno. */
export type Rehearse = (record: KeventInit) => number;

/**
 * Register a record with a queue of its own, which is closed again. 0 too if
 * no queue can be had: then the real one decides.
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
