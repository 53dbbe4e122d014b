import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { UsageError } from './failure.js';

/** The character by which Node.js replaces bytes that are not UTF-8. */
const REPLACEMENT = '\ufffd';

/** The bytes of the arguments of this process, if the kernel shows them. */
function readRawArguments(count: number): readonly Uint8Array[] | undefined {
  let all: Buffer;
  try {
    all = readFileSync('/proc/self/cmdline');
  } catch {
    return undefined;
  }
  const found: Uint8Array[] = [];
  for (let begin = 0; begin < all.length; ) {
    const end = all.indexOf(0, begin);
    if (end < 0) break;
    found.push(all.subarray(begin, end));
    begin = end + 1;
  }
  return found.slice(-count);
}

/**
 * Refuse arguments that are not UTF-8. Node.js has replaced their bytes, so
 * that such a path names another file.
 *
 * @throws {UsageError} If there are some.
 */
export function checkUtf8(args: readonly string[]): void {
  if (!args.some((arg) => arg.includes(REPLACEMENT))) return;
  const raw = readRawArguments(args.length);
  const isWrong = (index: number): boolean => {
    const bytes = raw?.[index];
    return bytes === undefined
      ? args[index].includes(REPLACEMENT)
      : !isUtf8(bytes);
  };
  const wrong = args.findIndex((_, index) => isWrong(index));
  if (wrong >= 0) throw notUtf8(`argument ${wrong + 1}`, args[wrong]);
}

/** The error for an argument that is not UTF-8. */
export const notUtf8 = (what: string, text: string): UsageError =>
  new UsageError(
    `${what}, ${JSON.stringify(text)}, is not UTF-8, and Node.js cannot pass it on unchanged. Rename the file, or watch its directory`,
  );
