import { type KernelFacts, type KernelName, kernels } from '../abi/index.js';
import { isList, memoryOf } from '../calls/index.js';
import { misuse } from '../errors.js';
import { hostDialect } from '../host/index.js';
import {
  formatEntries,
  formatKevent,
  type Kevent,
  type KeventLike,
} from '../memory/index.js';
import type { Key, Modification, Step } from '../queue/index.js';
import { encoderOf } from '../queue/parts.js';
import type { Explainable, ExplainOptions } from './index.js';

const ACTION = 'explain a kevent';
const EXPECTED =
  'a kevent, a KeventList, a typed event or a typed change of a queue';

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

/** {@link explain}, loaded when it is first called. */
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
