// Programs that one process runs one after the other, where starting a process
// for each would take longer than all of them: see `fixtures/in-turn.cjs`.
import { join } from 'node:path';
import { type Outcome, root, run } from './built-package.js';

const MARK = /\0(\d+)\n/;

/** What was printed before each mark, the codes of the marks, and what follows. */
function split(text: string): { parts: string[]; codes: number[] } {
  const pieces = text.split(MARK);
  return {
    parts: pieces.filter((_, i) => i % 2 === 0),
    codes: pieces.filter((_, i) => i % 2 === 1).map(Number),
  };
}

/**
 * How each program ended; `start` runs those that it is given in one process. A
 * program that ends the process has its status, and the rest get another process.
 */
export async function inTurn<Program>(
  programs: readonly Program[],
  start: (programs: readonly Program[]) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  while (outcomes.length < programs.length) {
    const waiting = programs.slice(outcomes.length);
    const { stdout, stderr, status } = await start(waiting);
    const out = split(stdout);
    const err = split(stderr);
    const ended: Outcome[] = out.codes.map((code, i) => ({
      stdout: out.parts[i],
      stderr: err.parts[i],
      status: code,
    }));
    const isCut = ended.length < waiting.length;
    // What goes wrong as the process ends is the last one's.
    if (isCut || status !== 0) {
      const from = isCut ? -1 : -2;
      ended.splice(waiting.length - 1, 1);
      ended.push({
        stdout: out.parts.slice(from).join(''),
        stderr: err.parts.slice(from).join(''),
        status,
      });
    }
    outcomes.push(...ended);
  }
  return outcomes;
}

const FILES = join(root, '__tests__/fixtures/files-in-turn.cjs');

/** How each of some files ended, which one process runs as its programs. */
export const filesInTurn = (
  files: readonly string[],
  cwd: string,
  input = '',
): Promise<Outcome[]> =>
  inTurn(files, (some) =>
    run(process.execPath, [FILES, ...some], cwd, input, 60),
  );
