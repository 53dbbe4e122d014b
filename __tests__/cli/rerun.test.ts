// kq watch --exec, run again and again: as a person does who writes a program.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { root } from '../support/built-package.js';
import {
  cli,
  folder,
  follow,
  isAlive,
  linesOf,
  start,
  WATCHING,
} from '../support/kq.js';

const SERVER = join(root, '__tests__/fixtures/cli/server.sh');

/** Wait until processes have ended. */
async function haveEnded(pids: readonly number[]): Promise<void> {
  const end = performance.now() + 5000;
  while (pids.some(isAlive) && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(pids.filter(isAlive)).toEqual([]);
}

/** The process ids that a server has written. */
const pidsOf = ([, ...pids]: readonly string[]): number[] => pids.map(Number);

test('--restart kills the whole process group, including processes that ignore SIGTERM', async () => {
  const path = join(folder, 'source');
  writeFileSync(path, 'one');
  const { child, wrote, outcome } = start(
    ...['watch', path, '--restart', '--initial', '--grace', '100'],
    ...['--exec', `sh ${SERVER}`],
  );
  const first = pidsOf(await wrote(/server (\d+) (\d+) initial\n/));
  appendFileSync(path, 'three');
  const second = pidsOf(await wrote(/server (\d+) (\d+) changed\n/));
  expect(first.filter(isAlive)).toEqual([]);
  expect(second.filter(isAlive)).toEqual(second);
  child.kill('SIGTERM');
  const { stdout, stderr, status } = await outcome;
  expect(status).toBe('SIGTERM');
  expect(second.filter(isAlive)).toEqual([]);
  expect(stdout.match(/received SIGTERM/g)).toHaveLength(2);
  expect(stderr).not.toContain('kq: ');
});

test('--debounce runs once per burst of changes to paths from standard input', async () => {
  const paths = ['one', 'two'].map((name) => join(folder, name));
  const { child, wrote, outcome } = start(
    ...['watch', '-', '--debounce', '300ms', '--once', '--initial'],
    ...['--exec', 'printenv KQ_EVENT'],
  );
  child.stdin?.end(`${paths.join('\n')}\n`);
  await wrote('initial\n');
  await wrote(WATCHING);
  for (const path of paths) writeFileSync(path, 'text');
  const ended = await outcome;
  for (const path of paths) {
    expect(ended.stdout).toContain(`created     ${path}`);
  }
  expect(ended.status).toBe(0);
  const runs = linesOf(ended).filter((line) => !line.includes(folder));
  expect(runs[0]).toBe('initial');
  expect(runs).toHaveLength(2);
});

const hasTerminals =
  process.platform === 'linux' && existsSync('/usr/bin/script');

/** Run a shell command in a new terminal. */
const onTerminal = (command: string) =>
  follow('script', ['-qefc', command, '/dev/null'], {
    ...process.env,
    SHELL: '/bin/bash',
    TERM: 'xterm',
    NODE: process.execPath,
    CLI: cli,
  });

describe('on a terminal', () => {
  gate(hasTerminals, 'script(1) of util-linux makes terminals')(
    'Ctrl-C ends a shell loop',
    async () => {
      const { child, wrote, outcome } = onTerminal(
        'while :; do "$NODE" "$CLI" timer 1h; echo again; done',
      );
      await wrote('ticking: 0 so far');
      child.stdin?.write('\x03');
      const { stdout, status } = await outcome;
      expect(stdout).not.toContain('again');
      expect(status).toBe(130);
    },
  );

  gate(hasTerminals, 'script(1) of util-linux makes terminals')(
    'Ctrl-C ends a server, and --clear clears the screen before each run',
    async () => {
      const { child, wrote, outcome } = onTerminal(
        `"$NODE" "$CLI" watch . --restart --initial --clear --grace 50 -e 'sh ${SERVER}'`,
      );
      const [, ...pids] = await wrote(
        // biome-ignore lint/suspicious/noControlCharactersInRegex: of the terminal
        /\x1b\[H\x1b\[2J\x1b\[3J[\s\S]*server (\d+) (\d+) initial\r\n/,
      );
      child.stdin?.write('\x03');
      await outcome;
      await haveEnded(pids.map(Number));
    },
  );
});
