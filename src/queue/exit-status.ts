import type { SignalName } from './signal.js';

/** How a process ended. One of the two is null, as in `node:child_process`. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: SignalName | number | null;
}

/** Decode a wait(2) status. All kernels use the same 16 bits. */
export function exitStatus(
  status: number,
  nameOf: (signal: number) => SignalName | number,
): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0
    ? { code: (status >> 8) & 0xff, signal: null }
    : { code: null, signal: nameOf(signal) };
}
