import { fstatSync } from 'node:fs';
import { close, kevent, kqueue } from '../calls/index.js';
import { KqueueError } from '../errors.js';
import type { KeventInit } from '../memory/index.js';
import { runningDialect } from './codec.js';

/** Test whether the kernel would accept a record: 0 or an errno. */
export type Rehearse = (record: KeventInit) => number;

/**
 * Errnos that do not concern the record. The temporary queue needs resources of
 * its own, which the queue of the real call has.
 */
const INCONCLUSIVE = new Set(['EINTR', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC']);

/**
 * Register a record with a temporary queue. Returns 0 too if that is
 * inconclusive: then the real call decides.
 */
export const rehearse: Rehearse = (record) => {
  // The temporary queue would get the number of a closed descriptor.
  if (isOfClosed(record)) return runningDialect().errno.EBADF;
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
    return INCONCLUSIVE.has(error.code) ? 0 : -error.errno;
  } finally {
    close(kq);
  }
};

/** Whether a record is of a descriptor that is closed. */
function isOfClosed({ filter, ident }: KeventInit): boolean {
  const { constants } = runningDialect();
  const { EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT, EVFILT_VNODE } = constants;
  const filters = [EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT, EVFILT_VNODE];
  if (!filters.includes(filter)) return false;
  try {
    fstatSync(Number(ident));
    return false;
  } catch {
    return true;
  }
}
