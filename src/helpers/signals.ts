import { constants } from 'node:os';
import { misuse } from '../errors.js';
import type { SignalName } from '../queue/index.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
} from './event-iterator.js';
import { queueSource } from './queue-source.js';

/** The value of {@link signals}: a signal and its count. */
export interface SignalCount {
  readonly signal: SignalName | number;
  /** The number of times it was sent since the last report: at least 1. */
  readonly count: number;
}

const ACTION = 'listen for signals';
const EXPECTED = 'the name or the number of a signal that can be caught';

/** Node's first name of a signal, which the kernel uses to listen for it. */
function nameOf(signal: unknown): NodeJS.Signals {
  const all = Object.entries(constants.signals);
  const number = all.find(([name]) => name === signal)?.[1] ?? signal;
  const found = all.find(([, each]) => each === number);
  const name = found?.[0] as NodeJS.Signals | undefined;
  if (name !== undefined && name !== 'SIGKILL' && name !== 'SIGSTOP') {
    return name;
  }
  const message = misuse(ACTION, 'signals', EXPECTED, signal);
  throw typeof signal === 'string' || typeof signal === 'number'
    ? new RangeError(message)
    : new TypeError(message);
}

/** {@link signals}, loaded when it is first called. */
export function signals(
  ...args: readonly (SignalName | number | IteratorOptions)[]
): EventIterator<SignalCount> {
  const last = args.at(-1);
  const hasOptions = typeof last === 'object' && last !== null;
  const signalArgs: readonly unknown[] = hasOptions ? args.slice(0, -1) : args;
  if (signalArgs.length === 0) {
    throw new TypeError(misuse(ACTION, 'signals', EXPECTED, undefined));
  }
  const names = [...new Set(signalArgs.map(nameOf))];
  return eventIterator(ACTION, hasOptions ? last : {}, () =>
    queueSource(
      names.map((name) => ({ filter: 'signal', signal: name, catch: true })),
      (event) =>
        event.filter === 'signal'
          ? { signal: event.signal, count: event.count }
          : undefined,
    ),
  );
}
