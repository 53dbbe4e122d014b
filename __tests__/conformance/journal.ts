// What `npm run conformance` reads beside Jest's own answer: which test was
// running when a library brought the process down, and what was found out.
import { appendFileSync } from 'node:fs';

const { KQUEUE_FFI_JOURNAL } = process.env;

/** A line of the journal. */
export interface Note {
  readonly started?: string;
  readonly ended?: string;
  /** What a real kernel did in a case that is to be confirmed. */
  readonly finding?: {
    readonly id: string;
    readonly title: string;
    readonly otherwise: string | null;
  };
}

/** Write a line, if somebody reads it; it is there whatever comes next. */
export function note(line: Note): void {
  if (KQUEUE_FFI_JOURNAL !== undefined) {
    appendFileSync(KQUEUE_FFI_JOURNAL, `${JSON.stringify(line)}\n`);
  }
}
