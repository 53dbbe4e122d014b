// The support file that runs programs in one process reports each of them.
import type { Outcome } from './support/built-package.js';
import { inTurn } from './support/in-turn.js';

const end = (code: number): string => `\0${code}\n`;

/** Report outcomes as processes would, and record what each was given. */
function processes(...ended: Outcome[]) {
  const given: string[] = [];
  const start = async (names: readonly string[]): Promise<Outcome> => {
    given.push(names.join());
    const outcome = ended.shift();
    if (outcome === undefined) throw new Error('no more processes');
    return outcome;
  };
  return { given, start };
}

test('each program has its own output and exit code', async () => {
  const { start } = processes({
    stdout: `a\n${end(0)}${end(13)}c\n${end(0)}`,
    stderr: `${end(0)}warning\n${end(13)}${end(0)}`,
    status: 0,
  });
  expect(await inTurn(['a', 'b', 'c'], start)).toEqual([
    { stdout: 'a\n', stderr: '', status: 0 },
    { stdout: '', stderr: 'warning\n', status: 13 },
    { stdout: 'c\n', stderr: '', status: 0 },
  ]);
});

test('a program that ends the process has its status, the rest another process', async () => {
  const { given, start } = processes(
    { stdout: `a\n${end(0)}b`, stderr: `${end(0)}Error`, status: 'SIGABRT' },
    { stdout: 'c\n', stderr: '', status: 0 },
  );
  expect(await inTurn(['a', 'b', 'c'], start)).toEqual([
    { stdout: 'a\n', stderr: '', status: 0 },
    { stdout: 'b', stderr: 'Error', status: 'SIGABRT' },
    { stdout: 'c\n', stderr: '', status: 0 },
  ]);
  expect(given).toEqual(['a,b,c', 'c']);
});

test('a process that fails as it exits fails its last program', async () => {
  const { start } = processes({
    stdout: `a\n${end(0)}b\n${end(0)}`,
    stderr: `${end(0)}${end(0)}`,
    status: 'SIGSEGV',
  });
  expect(await inTurn(['a', 'b'], start)).toEqual([
    { stdout: 'a\n', stderr: '', status: 0 },
    { stdout: 'b\n', stderr: '', status: 'SIGSEGV' },
  ]);
});
