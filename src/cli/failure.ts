import { constants } from 'node:os';

/** How the command ends, besides with the codes of what it waited for. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** A process ended, and nobody tells how. */
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

/** The reason to stop early; `code` is the exit code. */
export class Stop extends Error {
  readonly code: number;
  /** The signal that told it to, which then ends the process. */
  readonly signal: NodeJS.Signals | undefined;

  constructor(code: number, signal?: NodeJS.Signals) {
    super('stopped');
    this.code = code;
    this.signal = signal;
  }
}

/** The code that a shell would give a process that a signal ended. */
export function codeOf(
  code: number | null,
  signal: string | number | null,
): number | undefined {
  if (code !== null) return code;
  if (signal === null) return undefined;
  const { signals } = constants as { signals: Record<string, number> };
  return 128 + (typeof signal === 'number' ? signal : (signals[signal] ?? 0));
}
