import { isUtf8 } from 'node:buffer';
import { Failure } from './failure.js';
import { notUtf8 } from './utf8.js';

const NEWLINE = 10;

/**
 * Read paths from standard input, one per line.
 *
 * @throws {Failure} If there is none.
 * @throws {UsageError} If one is no UTF-8.
 */
async function readPaths(signal: AbortSignal): Promise<readonly string[]> {
  const chunks: Buffer[] = [];
  const end = (): void => {
    process.stdin.destroy();
  };
  signal.addEventListener('abort', end);
  try {
    for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  } finally {
    signal.removeEventListener('abort', end);
    signal.throwIfAborted();
  }
  const bytes = Buffer.concat(chunks);
  const paths: string[] = [];
  for (let begin = 0, number = 1; begin < bytes.length; number++) {
    const found = bytes.indexOf(NEWLINE, begin);
    const line = bytes.subarray(begin, found < 0 ? bytes.length : found);
    begin += line.length + 1;
    if (!isUtf8(line)) {
      throw notUtf8(`line ${number} of standard input`, line.toString());
    }
    if (line.length > 0) paths.push(line.toString());
  }
  if (paths.length === 0) throw new Failure('standard input has no path');
  return paths;
}

/** The paths of operands, each once; `-` stands for those of standard input. */
export async function collectPaths(
  operands: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const read = operands.includes('-') ? await readPaths(signal) : [];
  return [
    ...new Set(operands.flatMap((path) => (path === '-' ? read : [path]))),
  ];
}
