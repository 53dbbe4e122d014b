import type { Constants } from '../abi/index.js';
import { misuse } from '../errors.js';
import type { SignalName } from '../host/index.js';

export type { SignalName };

const MAX_SIGNAL = 0x7fffffff;

/**
 * Return the number of a signal.
 *
 * @throws {TypeError | RangeError} If it is not a signal.
 */
export function signalNumber(
  signals: Constants,
  signal: unknown,
  action: string,
): number {
  if (typeof signal === 'string') {
    if (Object.hasOwn(signals, signal)) return signals[signal];
  } else if (
    typeof signal === 'number' &&
    Number.isInteger(signal) &&
    signal >= 0 &&
    signal <= MAX_SIGNAL
  ) {
    return signal;
  }
  const expected = 'the name or the number of a signal of this system';
  const message = misuse(action, 'signal', expected, signal);
  throw typeof signal === 'string' || typeof signal === 'number'
    ? new RangeError(message)
    : new TypeError(message);
}

/** Return a function from numbers to names. Without a name it returns the number. */
export function signalNamer(
  signals: Constants,
): (signal: number) => SignalName | number {
  const names = new Map<number, SignalName>();
  for (const [name, number] of Object.entries(signals)) {
    if (!names.has(number)) names.set(number, name as SignalName);
  }
  return (signal) => names.get(signal) ?? signal;
}
