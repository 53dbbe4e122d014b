// kq, the command: each of its commands as a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernels } from '../../src/abi.js';
import { gate } from '../conformance/cases.js';
import { type Outcome, root, run } from '../support/built-package.js';
import { canStub, stubLibrary } from '../support/stub-library.js';

const cli = join(root, 'dist/cli.js');
const { version } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as { version: string };

let folder = '';

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'kq-')));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Run kq to its end. */
const kq = (args: readonly string[], input = ''): Promise<Outcome> =>
  run(process.execPath, [cli, ...args], folder, input);

/** Run kq with variables set. */
const kqWith = (
  variables: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Outcome> => {
  const set = Object.entries(variables).map(
    ([key, value]) => `${key}=${value}`,
  );
  return run('env', [...set, process.execPath, cli, ...args], folder);
};

const lines = ({ stdout }: Outcome): string[] =>
  stdout.split('\n').filter((line) => line !== '');

const objects = (outcome: Outcome): unknown[] =>
  lines(outcome).map((line) => JSON.parse(line));

/** kq while it runs. */
interface Running {
  readonly child: ChildProcess;
  /** Resolves when it has written this. */
  wrote(text: string | RegExp): Promise<void>;
  readonly outcome: Promise<Outcome>;
}

const LIMIT_MS = 15_000;
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/**
 * Start kq. It is traced, so that what it registered with the kernel is seen
 * on its standard error.
 */
function start(...args: readonly string[]): Running {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { ...process.env, KQUEUE_FFI_TRACE: '1' },
    timeout: LIMIT_MS,
  });
  running.push(child);
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const heard = (): void => {
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', (text) => {
    stdout += text;
    heard();
  });
  child.stderr.on('data', (text) => {
    stderr += text;
    heard();
  });
  const outcome = new Promise<Outcome>((resolve) => {
    child.once('close', (code, signal) => {
      resolve({ stdout, stderr, status: code ?? signal ?? -1 });
      heard();
    });
  });
  const wrote = (text: string | RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const all = stdout + stderr;
        if (typeof text === 'string' ? all.includes(text) : text.test(all)) {
          listeners.delete(look);
          resolve();
        } else if (child.exitCode !== null || child.signalCode !== null) {
          reject(new Error(`kq ended without ${text}:\n${all}`));
        }
      };
      listeners.add(look);
      look();
    });
  return { child, wrote, outcome };
}

/** It has looked for events after it registered a path: what comes is told. */
const WATCHING = /VNODE ADD[\s\S]*NULL, \d+, 0\) = 0\n/;

/** The lines of standard error that are no trace. */
const notesOf = ({ stderr }: Outcome): string[] =>
  stderr.split('\n').filter((line) => line.startsWith('kq: '));

describe('kq', () => {
  test('without a command explains itself, and that there was none', async () => {
    const { stdout, stderr, status } = await kq([]);
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
    expect(stderr).toContain('Usage: kq COMMAND');
    const help = await kq(['--help']);
    expect(help).toEqual({ stdout: stderr, stderr: '', status: 0 });
  });

  test('tells its version', async () => {
    expect(await kq(['--version'])).toEqual({
      stdout: `${version}\n`,
      stderr: '',
      status: 0,
    });
  });

  test.each([
    [['bogus'], "there is no command 'bogus'"],
    [['help', 'bogus'], "there is no command 'bogus'"],
    [['watch', ''], "'path' must be a path"],
    [['watch', 'package.json', ''], "'path' must be a path"],
    [['explain', '99999999999999999999999', 'READ'], 'ident must fit 64 bits'],
    [['explain', '7', '0x10000000000', 'ADD'], 'the filter must fit'],
    [['explain', '7', 'READ', '0x1ffff', '--kernel', 'darwin'], '16 bits'],
    [['explain', '7', 'READ', 'ADD', '0', '0x8000000000000000'], '64 bits'],
    [['timer'], 'the period is missing'],
    [['timer', '250'], 'such as 250ms'],
    [['timer', '1s', '--nope'], "Unknown option '--nope'"],
    [['timer', '1s', '--count', '0'], '--count must be a whole number'],
    [['timer', '1s', '--exec', "a 'b"], "a ' is open"],
  ])('%j is wrong usage, with a hint and code 2', async (args, message) => {
    const { stdout, stderr, status } = await kq(args);
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/kq: try: kq .*--help/);
  });
});

describe('kq timer', () => {
  test('ticks as often as it is told, one JSON object per line', async () => {
    const outcome = await kq(['timer', '5ms', '--count', '3', '--json']);
    expect(outcome).toMatchObject({ stderr: '', status: 0 });
    const ticks = objects(outcome) as { tick: number; missed: number }[];
    expect(ticks).toHaveLength(3);
    for (const tick of ticks) {
      expect(tick).toEqual({
        event: 'tick',
        tick: expect.any(Number),
        missed: expect.any(Number),
      });
    }
    expect(ticks[2].tick).toBeGreaterThanOrEqual(3);
  });

  test('ends with 124 when time runs out', async () => {
    const outcome = await kq(['timer', '1h', '--timeout', '20ms']);
    expect(outcome).toEqual({ stdout: '', stderr: '', status: 124 });
  });

  test('ends quietly when nobody reads on', async () => {
    const script = `"$0" "$1" timer 5ms | head -1; echo`;
    const outcome = await run('bash', [
      '-c',
      `${script} "\${PIPESTATUS[0]}"`,
      process.execPath,
      cli,
    ]);
    expect(outcome).toMatchObject({ stderr: '', status: 0 });
    expect(outcome.stdout).toMatch(/^tick {2}\d+.*\n0\n$/);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends it with %d, and no noise', async (signal, code) => {
    const { child, wrote, outcome } = start('timer', '10ms');
    await wrote('tick');
    child.kill(signal);
    const ended = await outcome;
    expect(ended.status).toBe(code);
    expect(ended.stderr).not.toMatch(/Error|at /);
    expect(ended.stderr).toMatch(/close\(\d+\) = 0\n$/);
  });
});

describe('kq --exec', () => {
  test('runs a command for each event, in order, and tells it what happened', async () => {
    const script = 'console.log(process.env.KQ_EVENT, process.env.KQ_JSON)';
    const outcome = await kq([
      'timer',
      '5ms',
      '-n',
      '2',
      '--exec',
      `'${process.execPath}' -e "${script}"`,
    ]);
    expect(outcome).toMatchObject({ stderr: '', status: 0 });
    const [first, told, second, toldAgain] = lines(outcome);
    expect([first, second]).toEqual([
      expect.stringMatching(/^tick {2}\d/),
      expect.stringMatching(/^tick {2}\d/),
    ]);
    for (const line of [told, toldAgain]) {
      expect(line).toMatch(/^tick \{"event":"tick","tick":\d+,"missed":\d+\}$/);
    }
  });

  test('gives no shell the name of a file, nor anything else', async () => {
    const name = '$(touch x); rm -rf y; `touch x` & touch x\n"\'';
    const place = join(folder, 'injection');
    mkdirSync(join(place, 'y'), { recursive: true });
    const { wrote, outcome } = start(
      'watch',
      join(place, name),
      '--once',
      '--exec',
      `printenv KQ_PATH "$(touch x)" ; 'touch x'`,
    );
    await wrote(WATCHING);
    writeFileSync(join(place, name), 'text');
    const { stdout, status } = await outcome;
    // printenv was given words it knows no variables of: so it says 1.
    expect(status).toBe(1);
    expect(stdout).toContain(`${join(place, name)}\n`);
    expect(readdirSync(place).sort()).toEqual([name, 'y'].sort());
    expect(existsSync(join(folder, 'x'))).toBe(false);
    expect(existsSync(join(root, 'x'))).toBe(false);
  });

  test('ends with the code of the command that failed, and says so', async () => {
    const outcome = await kq([
      'timer',
      '5ms',
      '--once',
      '-e',
      "sh -c 'exit 9'",
    ]);
    expect(outcome.status).toBe(9);
    expect(outcome.stderr).toBe('kq: sh ended with 9\n');
  });

  test('a command that there is not is a failure at once', async () => {
    const outcome = await kq(['timer', '5ms', '-e', './there-is-none']);
    expect(outcome.status).toBe(127);
    expect(outcome.stderr).toBe(
      "kq: cannot run './there-is-none': there is no such command\n",
    );
  });

  test('lets the command read what arrived', async () => {
    const outcome = await kq(
      ['fd', '0', '-n', '1', '-e', 'head -c 3'],
      'abcdef',
    );
    expect(outcome).toMatchObject({ stderr: '', status: 0 });
    expect(lines(outcome)[1]).toBe('abc');
  });

  test('ends the command that runs when time runs out', async () => {
    const begin = performance.now();
    const outcome = await kq(['timer', '5ms', '-t', '300ms', '-e', 'sleep 20']);
    expect(outcome.status).toBe(124);
    expect(performance.now() - begin).toBeLessThan(15_000);
  });
});

test('kq watch follows a file that is not there yet', async () => {
  const path = join(folder, 'followed');
  const { wrote, outcome } = start('watch', path, '--json', '--count', '3');
  await wrote(WATCHING);
  writeFileSync(path, 'one');
  await wrote('"created"');
  writeFileSync(path, 'three');
  await wrote('"changed"');
  rmSync(path);
  const ended = await outcome;
  expect(ended.status).toBe(0);
  const events = objects(ended) as { event: string; path: string }[];
  expect(events.map(({ event }) => event)).toContain('created');
  for (const event of events) expect(event.path).toBe(path);
});

test('kq watch prints a name that would confuse a terminal as a string', async () => {
  const path = join(folder, '\u001b[31mred\n');
  const { wrote, outcome } = start('watch', path, '--once');
  await wrote(WATCHING);
  writeFileSync(path, '');
  const { stdout } = await outcome;
  expect(stdout).toContain(`created     ${JSON.stringify(path)}  0 bytes`);
  expect(stdout.split('\n')).toHaveLength(2);
});

/** Whether Linux tells others than the parent how a process ended. */
const [major, minor] = release().split('.').map(Number);
const isTold =
  process.platform !== 'linux' || major > 6 || (major === 6 && minor >= 15);

describe('kq pid', () => {
  const sleepers: ChildProcess[] = [];
  afterEach(() => {
    for (const process of sleepers.splice(0)) process.kill('SIGKILL');
  });

  /** A process that ends when it is told to. */
  const sleeper = (script: string): ChildProcess => {
    const process = spawn('sh', ['-c', `read line; ${script}`]);
    sleepers.push(process);
    return process;
  };

  test.each([
    ['exit 7', 7, 'code 7'],
    ['kill -KILL $$', 137, 'by SIGKILL'],
    ['exit 0', 0, 'code 0'],
  ])('ends as a process that says %s', async (script, code, how) => {
    const process = sleeper(script);
    const { wrote, outcome } = start('pid', String(process.pid));
    await wrote(/PROC ADD.*= 0/);
    process.stdin?.end('\n');
    const { stdout, status } = await outcome;
    expect(status).toBe(isTold ? code : 3);
    expect(stdout).toBe(
      `exited  ${process.pid}  ${isTold ? how : 'in a way that is not told'}\n`,
    );
  });

  test('waits for all, and ends as the first that failed', async () => {
    const [first, second, third] = [0, 5, 6].map((code) =>
      sleeper(`exit ${code}`),
    );
    const all = [first, second, third].map(({ pid }) => String(pid));
    const { wrote, outcome } = start('pid', '--json', ...all);
    await wrote(/(?:PROC ADD[\s\S]*){3}= 0/);
    for (const process of [first, second, third]) {
      process.stdin?.end('\n');
      await wrote(`"pid":${process.pid},`);
    }
    const ended = await outcome;
    expect(ended.status).toBe(isTold ? 5 : 3);
    expect(
      objects(ended).map((object) => (object as { pid: number }).pid),
    ).toEqual(all.map(Number));
  });

  test('says when there is no such process', async () => {
    const gone = spawn('true');
    await new Promise((resolve) => gone.once('close', resolve));
    const outcome = await kq(['pid', String(gone.pid)]);
    expect(outcome).toEqual({
      stdout: '',
      stderr: `kq: there is no process ${gone.pid}\n`,
      status: 1,
    });
  });
});

describe('kq fd', () => {
  test('tells what arrives, and the end', async () => {
    const outcome = await kq(['fd', '0', '--json'], 'hello\n');
    expect(outcome).toMatchObject({ stderr: '', status: 0 });
    expect(objects(outcome).at(-1)).toEqual({
      event: 'readable',
      fd: 0,
      available: 6,
      bytes: 6,
      eof: true,
    });
  });

  test('says why it cannot watch what is not open', async () => {
    const outcome = await kq(['fd', '987']);
    expect(outcome).toEqual({
      stdout: '',
      stderr: 'kq: cannot watch descriptor 987: EBADF, it is not open\n',
      status: 1,
    });
  });
});

test('kq signal tells of a signal instead of ending', async () => {
  const { child, wrote, outcome } = start(
    'signal',
    'USR2',
    'int',
    '--json',
    '-n',
    '2',
  );
  await wrote('SIGUSR2 SIGNAL ADD');
  child.kill('SIGUSR2');
  await wrote('"SIGUSR2"');
  child.kill('SIGINT');
  const ended = await outcome;
  expect(ended.status).toBe(0);
  expect(objects(ended)).toEqual([
    { event: 'signal', signal: 'SIGUSR2', count: 1 },
    { event: 'signal', signal: 'SIGINT', count: 1 },
  ]);
  expect(notesOf(ended)).toEqual([]);
});

test('kq user triggers an event with each line', async () => {
  const outcome = await kq(['user', '7', '--json'], '3\nbogus\n5\n');
  expect(outcome).toMatchObject({
    stderr: 'kq: a line must be empty or a number from 0 to 16777215\n',
    status: 0,
  });
  expect(objects(outcome).at(-1)).toEqual({ event: 'user', id: 7, fflags: 5 });
});

describe('kq explain', () => {
  test('takes numbers and names, and negative numbers for what they are', async () => {
    const outcome = await kq([
      'explain',
      '--kernel',
      'darwin',
      '7',
      '-1',
      '0x8000',
      '0',
      '12',
    ]);
    expect(outcome).toEqual({
      stdout: '{7 READ EOF data=12}\n',
      stderr: '',
      status: 0,
    });
  });

  test('takes bytes of another kernel', async () => {
    const bytes = [
      '0100000000000000 f9ff 0100 04000000 fa00000000000000',
      '0000000000000000'.repeat(5),
    ];
    const outcome = await kq([
      'explain',
      '--kernel',
      'freebsd',
      '--json',
      ...bytes,
    ]);
    expect(outcome.status).toBe(0);
    expect(objects(outcome)).toEqual([
      {
        ident: 1,
        filter: -7,
        filterName: 'EVFILT_TIMER',
        flags: 1,
        flagNames: ['EV_ADD'],
        fflags: 4,
        fflagNames: ['NOTE_USECONDS'],
        data: 250,
        udata: 0,
        ext: [0, 0, 0, 0],
        text: '{1 TIMER ADD data=250 NOTE_USECONDS}',
      },
    ]);
  });
});

test('kq constants prints another kernel’s, and says when there is none', async () => {
  const all = await kq(['constants', '--kernel', 'freebsd', '--json']);
  const table = objects(all) as { name: string; value: number }[];
  expect(
    Object.fromEntries(table.map(({ name, value }) => [name, value])),
  ).toEqual(kernels.freebsd.constants);
  const some = await kq(['constants', '--kernel', 'netbsd', 'evfilt_user']);
  expect(some.stdout).toBe('EVFILT_USER            8  0x0008\n');
  const none = await kq(['constants', 'EVFILT_NOTHING']);
  expect(none).toMatchObject({ stdout: '', status: 1 });
  const unknown = await kq(['constants', '--kernel', 'linux']);
  expect(unknown).toMatchObject({ stdout: '', status: 2 });
});

describe('kq doctor', () => {
  test('finds that all is well, and writes a report that says so', async () => {
    const outcome = await kq(['doctor', '--report', 'report.json']);
    expect(outcome.stdout).toContain(`kqueue-ffi ${version} works here.`);
    expect(outcome.stderr).toBe('kq: the report is in report.json\n');
    expect(outcome.status).toBe(0);
    const text = readFileSync(join(folder, 'report.json'), 'utf8');
    const report = JSON.parse(text);
    expect(report).toMatchObject({ ok: true, version, environment: {} });
    for (const { name } of report.findings)
      expect(outcome.stdout).toContain(name);
  });

  gate(canStub, 'no stub library for this host')(
    'believes no library that only looks like one',
    async () => {
      const library = join(folder, 'libstub.so');
      writeFileSync(library, stubLibrary());
      for (const abi of ['darwin', 'freebsd', 'netbsd']) {
        const variables = {
          KQUEUE_FFI_LIBRARY: library,
          KQUEUE_FFI_ABI: abi,
          SECRET: 'not for anybody',
        };
        const outcome = await kqWith(variables, 'doctor', '--report', '-');
        expect(outcome.status).toBe(1);
        const { SECRET: _, ...own } = variables;
        const report = JSON.parse(outcome.stdout);
        expect(report).toMatchObject({ ok: false, environment: own });
        expect(outcome.stdout).not.toContain(variables.SECRET);
        const wrong = report.findings.filter(
          ({ ok }: { ok: boolean | null }) => ok === false,
        );
        expect(wrong).toHaveLength(1);
        expect(wrong[0].name).toBe(abi === 'netbsd' ? 'library' : 'errors');
      }
    },
  );

  test('says how to get the conformance suite where it is not', async () => {
    const installed = join(folder, 'installed/node_modules/kqueue-ffi');
    mkdirSync(installed, { recursive: true });
    cpSync(join(root, 'dist'), join(installed, 'dist'), { recursive: true });
    cpSync(join(root, 'package.json'), join(installed, 'package.json'));
    for (const name of ['koffi', '@koromix']) {
      symlinkSync(
        join(root, 'node_modules', name),
        join(installed, '..', name),
      );
    }
    const outcome = await run(
      process.execPath,
      [join(installed, 'dist/cli.js'), 'doctor', '--conformance'],
      folder,
    );
    expect(outcome.status).toBe(1);
    expect(outcome.stdout).toContain('works here');
    expect(outcome.stderr).toContain('npm ci && npm run conformance');
  });
});

test('the documentation shows what kq prints of kevents and constants', async () => {
  const page = readFileSync(join(root, 'docs/cli.md'), 'utf8');
  const shown = [...page.matchAll(/^```console\n(.*?)^```/gms)]
    .flatMap(([, block]) => block.split(/^\$ /m).slice(1))
    .filter((session) => /^kq (explain|constants)/.test(session))
    .map((session) => {
      const [command, ...output] = session.split('\n');
      return { command, output: output.join('\n') };
    });
  expect(shown.length).toBeGreaterThan(6);
  const MARK = '=====\n';
  const commands = shown.map(({ command }) =>
    command.replace(/^kq/, `"$NODE" "$CLI"`),
  );
  const { stdout, status } = await run(
    'env',
    [
      `NODE=${process.execPath}`,
      `CLI=${cli}`,
      'sh',
      '-ec',
      commands.join(`\necho =====\n`),
    ],
    folder,
  );
  expect(status).toBe(0);
  expect(stdout.split(MARK)).toEqual(shown.map(({ output }) => output));
});
