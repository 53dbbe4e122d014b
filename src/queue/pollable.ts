import { close, KeventList, kevent, kqueue } from '../calls/index.js';
import { hostConstants, type LoopDriver } from '../host/index.js';
import { ffi } from './late.js';

const { EV_ADD, EV_CLEAR, EV_DELETE, EVFILT_READ, EVFILT_USER, NOTE_TRIGGER } =
  hostConstants;

let isKnownPollable: boolean | undefined;

/**
 * Whether a queue is readable while an event is pending, and only then. A
 * library may use numbers of its own for queues. The same number in this
 * process is then another file, which may be readable by chance.
 */
function isReadableWithEvents(kq: number): boolean {
  const user = { ident: 1, filter: EVFILT_USER ?? 0 };
  kevent(kq, [{ ...user, flags: EV_ADD | EV_CLEAR }], null);
  if (ffi().readableNow(kq)) return false;
  kevent(kq, [{ ...user, fflags: NOTE_TRIGGER ?? 0 }], null);
  if (!ffi().readableNow(kq)) return false;
  return kevent(kq, null, new KeventList(1), 0) === 1 && !ffi().readableNow(kq);
}

/** Test it on a queue. Returns `undefined` if no queue can be made now. */
function probe(): boolean | undefined {
  if (EVFILT_USER === undefined) return false;
  try {
    const kq = kqueue();
    try {
      return isReadableWithEvents(kq);
    } finally {
      close(kq);
    }
  } catch {
    return undefined;
  }
}

/**
 * Whether a queue's descriptor is readable while events are pending. This is
 * true for every native kernel and for the built-in one. Other libraries are
 * tested.
 */
export function isPollable(): boolean {
  isKnownPollable ??= process.env.KQUEUE_FFI_LIBRARY ? probe() : true;
  return isKnownPollable ?? false;
}

/** How queues wait in this thread. */
export const currentDriver = (): LoopDriver =>
  isPollable() ? ffi().threadDriver() : 'interval';

/**
 * Whether a native kernel lets the event loop watch a queue. Kernels limit how
 * deep queues watch each other, and the loop, which is a queue itself, ends the
 * process when it is refused. So it is tested on the loop's own queue.
 */
export function canLoopWatch(kq: number, loop = ffi().backendFd()): boolean {
  if (loop < 0) return true;
  const change = { ident: kq, filter: EVFILT_READ };
  try {
    kevent(loop, [{ ...change, flags: EV_ADD }], null, 0);
    kevent(loop, [{ ...change, flags: EV_DELETE }], null, 0);
    return true;
  } catch {
    return false;
  }
}
