// kq, the command, as processes of their own.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, root, run } from './built-package.js';

export const cli = join(root, 'dist/cli.js');

/** A folder of the tests of a file, in which kq runs. */
export const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kq-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Run kq to its end. */
export const kq = (args: readonly string[], input = ''): Promise<Outcome> =>
  run(process.execPath, [cli, ...args], folder, input);

/** Run kq with each of the arguments, all in one process. */
export async function kqEach(
  calls: readonly (readonly string[])[],
): Promise<readonly Outcome[]> {
  const file = join(folder, 'calls.json');
  writeFileSync(file, JSON.stringify(calls));
  const program = join(root, '__tests__/fixtures/cli/many.mjs');
  const args = [program, cli, file];
  const { stdout, stderr } = await run(process.execPath, args, folder);
  expect(stderr).toBe('');
  const { outcomes, warnings } = JSON.parse(stdout) as {
    outcomes: Outcome[];
    warnings: string[];
  };
  expect(warnings).toEqual([]);
  return outcomes;
}

/** Run kq with variables set. */
export const kqWith = (
  variables: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Outcome> => {
  const set = Object.entries(variables).map(
    ([key, value]) => `${key}=${value}`,
  );
  return run('env', [...set, process.execPath, cli, ...args], folder);
};

/** Run a script of bash in which `kq` is the command. */
export const bash = (
  script: string,
  ...args: readonly string[]
): Promise<Outcome> =>
  run(
    'bash',
    [
      '-c',
      `kq() { "$NODE" "$CLI" "$@"; }\nNODE=$1 CLI=$2\nshift 2\n${script}`,
      'bash',
      process.execPath,
      cli,
      ...args,
    ],
    folder,
  );

export const linesOf = ({ stdout }: Outcome): string[] =>
  stdout.split('\n').filter((line) => line !== '');

export const objectsOf = (outcome: Outcome): unknown[] =>
  linesOf(outcome).map((line) => JSON.parse(line));

/** The time that each line of `--json` has. */
export const TIME = expect.stringMatching(
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/,
);

/** kq while it runs. */
export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the match once the output contains it. */
  wrote(text: string | RegExp): Promise<readonly string[]>;
  readonly outcome: Promise<Outcome>;
}

const LIMIT_MS = 15_000;
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Follow the output of a program. */
export function follow(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Running {
  const child = spawn(file, args, { cwd: folder, env, timeout: LIMIT_MS });
  running.push(child);
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const notify = (): void => {
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', (text) => {
    stdout += text;
    notify();
  });
  child.stderr.on('data', (text) => {
    stderr += text;
    notify();
  });
  const outcome = new Promise<Outcome>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ stdout, stderr, status: code ?? signal ?? -1 });
      notify();
    });
  });
  const wrote = (text: string | RegExp): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const all = stdout + stderr;
        const found =
          typeof text === 'string'
            ? all.includes(text) && [text]
            : text.exec(all);
        if (found) {
          listeners.delete(check);
          resolve(found);
        } else if (child.exitCode !== null || child.signalCode !== null) {
          reject(new Error(`it ended without ${text}:\n${all}`));
        }
      };
      listeners.add(check);
      check();
    });
  return { child, wrote, outcome };
}

/**
 * Start kq with a trace, so that its registrations are visible on standard
 * error.
 */
export const start = (...args: readonly string[]): Running =>
  follow(process.execPath, [cli, ...args], {
    ...process.env,
    KQUEUE_FFI_TRACE: '1',
  });

/** It has polled after it registered a path, so later events are reported. */
export const WATCHING = /VNODE ADD[\s\S]*NULL, [1-9]\d*, 0\) = 0\n/;

/** The lines of standard error that are not part of the trace. */
export const notesOf = ({ stderr }: Outcome): string[] =>
  stderr.split('\n').filter((line) => line.startsWith('kq: '));

/** Whether a process runs: a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
