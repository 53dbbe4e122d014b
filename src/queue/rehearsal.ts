import { fstatSync } from 'node:fs';
import {
  close,
  kevent,
  keventOn,
  kqueue,
  type OpenQueue,
  queueOf,
} from '../calls/index.js';
import { KqueueError } from '../errors.js';
import type { KeventInit } from '../memory/index.js';
import { runningDialect } from './codec.js';
import { ffi } from './late.js';

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
 *
 * @param queue The queue of the real call.
 */
export function rehearse(record: KeventInit, queue: OpenQueue): number {
  // The temporary queue would get the number of a closed descriptor.
  if (isOfClosed(record)) return runningDialect().errno.EBADF;
  let kq: number;
  try {
    kq = kqueue();
  } catch {
    return 0;
  }
  try {
    const refused = errnoOf(() => kevent(kq, [record], null, 0));
    return refused === 0 ? rehearseNesting(record, queue) : refused;
  } finally {
    close(kq);
  }
}

/**
 * Whether a queue may watch another depends on what both watch: rule B8. So a
 * duplicate of the other one is registered for a moment. Only the kqueue of
 * Linux can tell that a descriptor is a queue.
 */
function rehearseNesting(
  { filter, ident }: KeventInit,
  queue: OpenQueue,
): number {
  const { EVFILT_READ, EV_ADD, EV_DISABLE, EV_DELETE } =
    runningDialect().constants;
  const fd = Number(ident);
  if (filter !== EVFILT_READ || queueOf(fd).id === undefined) return 0;
  const dup = ffi().dupFd(fd);
  if (dup < 0) return 0;
  const of = (flags: number): KeventInit => ({ ident: dup, filter, flags });
  try {
    const records = [of(EV_ADD | EV_DISABLE), of(EV_DELETE)];
    return errnoOf(() => keventOn(queue, records, null, 0));
  } finally {
    close(dup);
  }
}

/** The errno of a call, or 0 if it says nothing of the record. */
function errnoOf(call: () => number): number {
  try {
    call();
    return 0;
  } catch (error) {
    if (!(error instanceof KqueueError && error.errno)) throw error;
    return INCONCLUSIVE.has(error.code) ? 0 : -error.errno;
  }
}

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
