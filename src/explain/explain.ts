import { type KernelFacts, type KernelName, kernels } from '../abi/index.js';
import { isList, type KeventList, memoryOf } from '../calls/index.js';
import { misuse } from '../errors.js';
import { hostDialect } from '../host/index.js';
import {
  formatEntries,
  formatKevent,
  type Kevent,
  type KeventInit,
  type KeventLike,
} from '../memory/index.js';
import {
  encoderOf,
  type Key,
  type KqueueEvent,
  type Modification,
  type Step,
  type Trigger,
} from '../queue/index.js';

const ACTION = 'explain a kevent';
const EXPECTED =
  'a kevent, a KeventList, a typed event or a typed change of a queue';

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

let host: KernelFacts | undefined;

function factsOf(kernel: unknown): KernelFacts {
  if (kernel === undefined) {
    host ??= hostDialect();
    return host;
  }
  if (typeof kernel === 'string') {
    if (Object.hasOwn(kernels, kernel)) return kernels[kernel as KernelName];
  } else if (
    typeof kernel === 'object' &&
    kernel !== null &&
    'groups' in kernel &&
    'constants' in kernel
  ) {
    return kernel as KernelFacts;
  }
  const known = `a kernel's table or one of ${Object.keys(kernels).join(', ')}`;
  const message = misuse(ACTION, 'kernel', known, kernel);
  throw typeof kernel === 'string'
    ? new RangeError(message)
    : new TypeError(message);
}

/** The record that a step of a typed queue is encoded as. */
function recordOf(facts: KernelFacts, step: Step): KeventLike {
  const encoder = encoderOf(facts);
  const { EV_ADD, EV_DELETE, EV_ENABLE, EV_DISABLE } = facts.constants;
  const toggled = (key: Key, flags: number): KeventLike => ({
    ...encoder.key(key),
    flags,
  });
  switch (step.op) {
    case undefined:
    case 'add': {
      const record = encoder.change(step);
      return { ...record, flags: EV_ADD | record.flags };
    }
    case 'modify':
      return encoder.change(step as Modification);
    case 'trigger':
      return encoder.trigger(step);
    case 'delete':
      return toggled(step, EV_DELETE);
    case 'enable':
      return toggled(step, EV_ENABLE);
    case 'disable':
      return toggled(step, EV_DISABLE);
    default: {
      const known = 'add, modify, enable, disable, delete or trigger';
      const { op } = step as { op?: unknown };
      throw new TypeError(misuse(ACTION, 'op', known, op));
    }
  }
}

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' || typeof value === 'bigint';

/**
 * Describe a kevent in one line, in the style of strace(1): the ident, the names
 * of the filter, flags and notes, and `data`, `udata` and `ext` unless they are 0.
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
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(misuse(ACTION, 'options', 'an object', options));
  }
  const facts = factsOf(options.kernel);
  if (isList(x)) {
    const memory = memoryOf(x, ACTION, 'x', EXPECTED);
    return `[${formatEntries(facts, memory, x.length, Infinity).join(', ')}]`;
  }
  if (typeof x === 'object' && x !== null) {
    const { filter, ident, raw, op } = x as {
      readonly [name: string]: unknown;
    };
    if (isNumber(filter) && isNumber(ident))
      return formatKevent(facts, x as Kevent);
    if (typeof filter === 'string' || op === 'trigger') {
      if (typeof raw !== 'object' || raw === null) {
        return formatKevent(facts, recordOf(facts, x as Step));
      }
      return formatKevent(facts, { ...(raw as Kevent), udata: undefined });
    }
  }
  throw new TypeError(misuse(ACTION, 'x', EXPECTED, x));
}
