// The file that `npm run conformance` reads besides Jest's report: the test
// that was running when a library crashed the process, and recorded findings.
import { appendFileSync } from 'node:fs';

const { KQUEUE_FFI_JOURNAL } = process.env;

/** A line of the journal. */
export interface Note {
  readonly started?: string;
  readonly ended?: string;
  /** The behaviour of a real kernel in a case that needs confirmation. */
  readonly finding?: {
    readonly id: string;
    readonly title: string;
    readonly otherwise: string | null;
  };
}

/** Write a line at once, if the suite reads it, so that it survives a crash. */
export function note(line: Note): void {
  if (KQUEUE_FFI_JOURNAL !== undefined) {
    appendFileSync(KQUEUE_FFI_JOURNAL, `${JSON.stringify(line)}\n`);
  }
}
