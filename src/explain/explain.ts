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

/** What {@link explain} can put into words. */
export type Explainable =
  | KeventInit
  | Kevent
  | KeventList
  | KqueueEvent
  | Step
  | Trigger;

/** How to explain. */
export interface ExplainOptions {
  /**
   * Whose numbers they are: a table of `kqueue-ffi/abi`, or its name.
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

/** A step of a typed queue as the record it becomes. */
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
 * Say what a kevent is in one line, as strace(1) would: the ident, then the
 * filter, flags and notes by their names, and what of `data`, `udata` and `ext`
 * is not 0. The names of notes are those of the filter: the same bit is
 * `NOTE_LOWAT` for one and `NOTE_DELETE` for another.
 *
 * - In an entry with `EV_ERROR` the `data` is shown as the name of the errno.
 * - Bits without a name are shown in hex, filters without one as numbers.
 * - With `EV_EOF` a socket's error has its name, and an exited process its
 *   exit code or signal.
 * - A typed event shows what the kernel gave, without its udata, which is the
 *   queue's own mark. A typed change shows what it becomes.
 *
 * @param x One kevent, as an object of any kind; or a list, whose entries are
 * all in the line.
 * @throws {TypeError} If it is none of them, or a typed change is malformed.
 * @throws {RangeError} If there is no such kernel, or a number in a typed
 * change does not fit.
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` for a typed change that the
 * kernel cannot have.
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
