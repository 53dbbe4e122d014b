import { constants } from 'node:os';

/** The exit codes of kq itself. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** A process ended, and its exit status is unknown. */
  unknown: 3,
  timeout: 124,
} as const;

/** The arguments are wrong. */
export class UsageError extends Error {}

/** The request failed; `code` is the exit code. */
export class Failure extends Error {
  readonly code: number;

  constructor(message: string, code: number = EXIT.failure) {
    super(message);
    this.code = code;
  }
}

/** A reason to stop early; `code` is the exit code. */
export class Stop extends Error {
  readonly code: number;
  /** The signal to end the process with. */
  readonly signal: NodeJS.Signals | undefined;

  constructor(code: number, signal?: NodeJS.Signals) {
    super('stopped');
    this.code = code;
    this.signal = signal;
  }
}

/** The code that a shell reports for a process that a signal ended. */
export function codeOf(
  code: number | null,
  signal: string | number | null,
): number | undefined {
  if (code !== null) return code;
  if (signal === null) return undefined;
  const { signals } = constants as { signals: Record<string, number> };
  return 128 + (typeof signal === 'number' ? signal : (signals[signal] ?? 0));
}
