import type { SignalName } from './signal.js';

/** How a process ended: one of the two is null, as with Node's children. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: SignalName | number | null;
}

/** Take a wait(2) status apart: all kernels have the same 16 bits. */
export function exitStatus(
  status: number,
  nameOf: (signal: number) => SignalName | number,
): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0
    ? { code: (status >> 8) & 0xff, signal: null }
    : { code: null, signal: nameOf(signal) };
}
