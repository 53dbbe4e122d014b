/** An event as a command prints it. */
export interface OutputEvent {
  /** What `--json` prints and what `--exec` finds in KQ_… variables. */
  readonly fields: Readonly<
    Record<string, string | number | boolean | null | undefined>
  >;
  /** For people: the first word names the event. */
  readonly text: string;
  readonly mood: 'good' | 'bad' | 'plain';
  /** The exit code that follows from it. */
  readonly code?: number;
}

/** Escape what a terminal, or a reader of lines, would interpret. */
export const escapeControls = (text: string): string =>
  /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text)
    ? JSON.stringify(text).replace(
        /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
    : text;

/** A number with its noun. */
export const formatCount = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;
