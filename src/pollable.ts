import { EV_ADD, EVFILT_USER, NOTE_TRIGGER } from './constants.js';
import { type LoopDriver, threadDriver } from './ffi/loop.js';
import { readableNow } from './ffi/loop-probe.js';
import { close, kevent, kqueue } from './syscalls.js';

let known: boolean | undefined;

/** Try it: a queue with an event waiting has to be readable. */
function probe(): boolean {
  if (EVFILT_USER === undefined) return false;
  const user = { ident: 1, filter: EVFILT_USER };
  const kq = kqueue();
  try {
    kevent(kq, [{ ...user, flags: EV_ADD }], null);
    kevent(kq, [{ ...user, fflags: NOTE_TRIGGER ?? 0 }], null);
    return readableNow(kq);
  } catch {
    return false;
  } finally {
    close(kq);
  }
}

/**
 * Whether a queue's descriptor is readable while events wait. It is with every
 * kernel, and with the one built in; a library in its place is tried out.
 */
export function isPollable(): boolean {
  known ??= process.env.KQUEUE_FFI_LIBRARY ? probe() : true;
  return known;
}

/** How queues are watched in this thread. */
export const driver = (): LoopDriver =>
  isPollable() ? threadDriver() : 'interval';
