import type { Option, Parsed } from './arguments.js';

/** One of the commands of `kq`. */
export interface Command {
  readonly name: string;
  /** What stands behind its name. */
  readonly usage: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** The rest of its help. */
  readonly help: string;
  readonly options: Readonly<Record<string, Option>>;
  /**
   * @param stop Aborted when nobody reads the output any more.
   * @returns The exit code.
   */
  run(parsed: Parsed, stop: AbortController): Promise<number> | number;
}
