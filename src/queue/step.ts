import { misuse } from '../errors.js';
import type { Change, Key, Op, Step, Trigger } from './change.js';
import type { Encoded, Encoder } from './encoder.js';

/** A step as numbers, after each of its properties was read. */
export interface EncodedStep {
  readonly step: Step;
  readonly op: Op;
  readonly filter: Key['filter'];
  /** The key and zeros, for a step that only names a registration. */
  readonly request: Encoded;
  readonly hasUdata: boolean;
  readonly udata: unknown;
}

const OPS = ['add', 'modify', 'enable', 'disable', 'delete', 'trigger'];

/**
 * Encode a step.
 *
 * @throws {TypeError | RangeError} If it is not well-formed.
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` if the kernel lacks what it requests.
 */
export function encodeStep(
  encoder: Encoder,
  step: Step,
  op: Op | undefined,
): EncodedStep {
  if (typeof step !== 'object' || step === null) {
    throw new TypeError(misuse('change a queue', 'change', 'an object', step));
  }
  switch (op) {
    case undefined:
    case 'add':
    case 'modify': {
      const change = step as Change;
      const { filter, udata } = change;
      const request = encoder.change(change);
      const hasUdata = 'udata' in change;
      return { step, op: op ?? 'add', filter, request, hasUdata, udata };
    }
    case 'enable':
    case 'disable':
    case 'delete': {
      const { filter } = step as Key;
      const { filter: number, ident } = encoder.key(step as Key);
      const request = { filter: number, ident, flags: 0, fflags: 0, data: 0 };
      return { step, op, filter, request, hasUdata: false, udata: undefined };
    }
    case 'trigger': {
      const filter = 'user';
      const request = encoder.trigger(step as Trigger);
      return { step, op, filter, request, hasUdata: false, udata: undefined };
    }
    default: {
      const known = `${OPS.slice(0, -1).join(', ')} or ${OPS.at(-1)}`;
      throw new TypeError(misuse('change a queue', 'op', known, op));
    }
  }
}
