/** Something that happened, as a command tells of it. */
export interface Happening {
  /** What `--json` prints and what `--exec` finds in KQ_… variables. */
  readonly fields: Readonly<
    Record<string, string | number | boolean | null | undefined>
  >;
  /** For people: the first word is what happened. */
  readonly text: string;
  readonly mood: 'good' | 'bad' | 'plain';
  /** What the command should end with because of this. */
  readonly code?: number;
}

/** Control characters would be taken for a terminal's, line ends for ends. */
export const printable = (text: string): string =>
  /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text)
    ? JSON.stringify(text).replace(
        /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
    : text;

/** How many of what. */
export const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;
