import type { KernelFacts, KernelName } from '../abi/index.js';
import type { KeventList } from '../calls/index.js';
import type { Kevent, KeventInit } from '../memory/index.js';
import type { KqueueEvent, Step, Trigger } from '../queue/index.js';

/** The values that {@link explain} accepts. */
export type Explainable =
  | KeventInit
  | Kevent
  | KeventList
  | KqueueEvent
  | Step
  | Trigger;

/** Options of {@link explain}. */
export interface ExplainOptions {
  /**
   * The kernel whose numbers to use: a table of `kqueue-ffi/abi`, or its name.
   *
   * @default the running kernel, with the signals of this system
   */
  readonly kernel?: KernelFacts | KernelName | undefined;
}

const loadExplain = (): typeof import('./explain.js') =>
  require('./explain.js') as typeof import('./explain.js');

/**
 * Describe a kevent in one line, in the style of strace(1). The line has the ident,
 * the names of filter, flags and notes, and the other fields unless they are 0.
 * Names of notes depend on the filter: the same bit is `NOTE_LOWAT` for one filter
 * and `NOTE_DELETE` for another.
 *
 * - In an entry with `EV_ERROR`, `data` is shown as the name of the errno.
 * - Bits without a name are shown in hex, filters without a name as numbers.
 * - With `EV_EOF`, a socket's error is shown by name, and an exited process with
 *   its exit code or signal.
 * - A typed event is shown as the kernel reported it, without `udata`, which is
 *   an internal token of the queue. A typed change is shown as it is encoded.
 *
 * @param x A kevent, a typed event, a typed change, or a list of kevents.
 * @throws {TypeError} If `x` is none of these, or a typed change is malformed.
 * @throws {RangeError} If the kernel is unknown, or a number in a typed change
 * is out of range.
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` for a typed change that the
 * kernel does not support.
 *
 * @example
 * ```ts
 * import { EV_ADD, EV_CLEAR, EVFILT_READ, explain } from 'kqueue-ffi';
 *
 * const change = { ident: 7, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR };
 * console.log(explain(change)); // {7 READ ADD|CLEAR}
 * console.log(explain({ filter: 'timer', id: 1, every: { us: 250 } }));
 * // {1 TIMER ADD data=250 NOTE_USECONDS}
 * const freebsd = { ident: 1, filter: -7, flags: 1, fflags: 4, data: 250 };
 * console.log(explain(freebsd, { kernel: 'freebsd' })); // the same
 * ```
 */
export function explain(x: Explainable, options: ExplainOptions = {}): string {
  return loadExplain().explain(x, options);
}
