import { isUtf8 } from 'node:buffer';

/** An event that a command prints. */
export interface OutputEvent {
  /** The fields for `--json` and for the KQ_… variables of `--exec`. */
  readonly fields: Readonly<
    Record<string, string | number | boolean | null | undefined>
  >;
  /** The line to print. Its first word names the event. */
  readonly text: string;
  readonly mood: 'good' | 'bad' | 'plain';
  /** The resulting exit code. */
  readonly code?: number;
}

const hex = (number: number, digits: number): string =>
  number.toString(16).padStart(digits, '0');

const quote = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${hex(char.charCodeAt(0), 4)}`,
  );

/**
 * Escape characters that a terminal, or a program that reads lines, would
 * interpret.
 */
export const escapeControls = (text: string): string =>
  /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text)
    ? quote(text)
    : text;

/** The length of the UTF-8 character at an index, or 0 if there is none. */
const characterLength = (bytes: Uint8Array, at: number): number =>
  [1, 2, 3, 4].find(
    (length) =>
      at + length <= bytes.length && isUtf8(bytes.subarray(at, at + length)),
  ) ?? 0;

/** Quote a path that is not UTF-8: each byte that is no part of a character is `\xHH`. */
export function quoteBytes(bytes: Uint8Array): string {
  let text = '';
  let begin = 0;
  const flush = (end: number): void => {
    text += quote(Buffer.from(bytes.subarray(begin, end)).toString()).slice(
      1,
      -1,
    );
  };
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    if (length === 0) {
      flush(at);
      text += `\\x${hex(bytes[at], 2)}`;
      begin = at + 1;
    }
    at += length || 1;
  }
  flush(bytes.length);
  return `"${text}"`;
}

/** A number with its noun. */
export const formatCount = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;
