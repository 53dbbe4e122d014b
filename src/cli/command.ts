import type { Parsed } from './arguments.js';
import type { Completion, Options } from './option.js';

/** One of the commands of `kq`. */
export interface Command {
  readonly name: string;
  /** The text after its name and its options. */
  readonly usage: string;
  /** Its effect, in a line. */
  readonly summary: string;
  /**
   * The rest of its help. A blank line parts paragraphs, and an indented line
   * is printed as it is.
   */
  readonly help: string;
  readonly options: Options;
  /** The variables that `--exec` finds, if the command waits for events. */
  readonly variables?: string;
  /** How a shell completes its operands. */
  readonly operands?: Completion;
  /**
   * @param stop Aborted when nobody reads the output any more.
   * @returns The exit code.
   */
  run(parsed: Parsed, stop: AbortController): Promise<number> | number;
}
