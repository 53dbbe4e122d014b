import type { Parsed } from './arguments.js';
import type { Completion, Options } from './option.js';

/** One of the commands of `kq`. */
export interface Command {
  readonly name: string;
  /** The arguments after the name and the options. */
  readonly usage: string;
  /** The effect of the command, in a line. */
  readonly summary: string;
  /**
   * The rest of the help. Blank lines separate paragraphs; indented lines are
   * printed unchanged.
   */
  readonly help: string;
  readonly options: Options;
  /** The variables of `--exec`, if the command waits for events. */
  readonly variables?: string;
  /** How a shell completes its operands. */
  readonly operands?: Completion;
  /**
   * @param stop Aborted when the output was closed.
   * @returns The exit code.
   */
  run(parsed: Parsed, stop: AbortController): Promise<number> | number;
}
