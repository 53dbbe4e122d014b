// The command `kq`: each of its commands in a child process.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { kernels } from '../../src/abi.js';
import { splitWords } from '../../src/cli/words.js';
import { gate } from '../conformance/cases.js';
import { type Outcome, root, run } from '../support/built-package.js';
import {
  bash,
  folder,
  kq,
  kqEach,
  kqWith,
  linesOf,
  notesOf,
  objectsOf,
  start,
  TIME,
  WATCHING,
} from '../support/kq.js';
import { canStub, stubLibrary } from '../support/stub-library.js';

const { version } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as { version: string };

/** A timer of FreeBSD, as its struct kevent. */
const BYTES = [
  '0100000000000000 f9ff 0100 04000000 fa00000000000000',
  '0000000000000000'.repeat(5),
];

/** A process id that no process has: the highest there can be. */
const GONE = String(0x7fffffff);

describe('kq', () => {
  const WRONG: readonly (readonly [args: string[], message: string])[] = [
    [['bogus'], "there is no command 'bogus'"],
    [['wacth', 'x'], "there is no command 'wacth', did you mean 'watch'?"],
    [['help', 'bogus'], "there is no command 'bogus'"],
    [['watch', ''], "'path' must be a path"],
    [['watch', 'package.json', ''], "'path' must be a path"],
    [['watch', 'x', '--restart'], '--restart needs --exec'],
    [['watch', 'x', '-e', 'y', '--grace', '1s'], '--grace needs --restart'],
    [['explain', '99999999999999999999999', 'READ'], 'ident must fit 64 bits'],
    [['explain', '7', '0x10000000000', 'ADD'], 'the filter must fit'],
    [['explain', '7', 'READ', '0x1ffff', '--kernel', 'darwin'], '16 bits'],
    [['explain', '7', 'READ', 'ADD', '0', '0x8000000000000000'], '64 bits'],
    [['timer'], 'the period is missing'],
    [['timer', '250'], 'such as 250ms'],
    [['timer', '1s', '--nope'], "Unknown option '--nope'"],
    [['timer', '1s', '--tiemout=1s'], "did you mean '--timeout'?"],
    [['timer', '1s', '--count', '0'], '--count must be a whole number'],
    [['timer', '1s', '--exec', "a 'b"], "a ' is not closed"],
    [['timer', '1s', '--timeout', '25d'], 'at most 24d'],
    [['signal', 'TREM'], "no signal 'TREM', did you mean 'SIGTERM'?"],
    [['signal', 'FOO'], "no signal 'FOO'\n"],
    [['constants', '--kernel', 'darwn'], "did you mean 'darwin'?"],
    [['constants', '--kernel', 'linux'], '--kernel must be one of'],
    [['completion', 'csh'], 'the shell must be one of bash, zsh, fish'],
    [['pid'], 'a process id is missing'],
    [['pid', '0'], 'a process id must be a whole number'],
  ];

  const RIGHT = [
    ['--help'],
    ['--version'],
    ['completion', 'bash'],
    ['explain', '--kernel', 'darwin', '7', '-1', '0x8000', '0', '12'],
    ['constants', '--kernel', 'freebsd', '--json'],
    ['constants', '--kernel', 'netbsd', 'evfilt_user'],
    ['explain', '--kernel', 'freebsd', '--json', ...BYTES],
    ['timer', '5ms', '--count', '3', '--json'],
  ];

  /** They fail, or end with a code of their own. */
  const FAILING: readonly (readonly [
    args: string[],
    status: number,
    stderr: string,
  ])[] = [
    [['timer', '1h', '--timeout', '20ms'], 124, ''],
    [['timer', '5ms', '-t', '200ms', '-e', 'sleep 20'], 124, ''],
    [
      ['timer', '5ms', '--once', '-e', "sh -c 'exit 9'"],
      9,
      'kq: sh ended with 9\n',
    ],
    [
      ['timer', '5ms', '-e', './there-is-none'],
      127,
      "kq: cannot run './there-is-none': there is no such command\n",
    ],
    [
      ['watch', 'x', '--restart', '--initial', '-e', './there-is-none'],
      127,
      "kq: cannot run './there-is-none': there is no such command\n",
    ],
    [
      ['constants', 'EVFILT_NOTHING', '--kernel', 'darwin'],
      1,
      "kq: darwin has no constant that begins with 'EVFILT_NOTHING'\n",
    ],
    [
      ['fd', '987'],
      1,
      'kq: cannot watch descriptor 987: EBADF, it is not open\n',
    ],
    [['pid', GONE], 1, `kq: there is no process ${GONE}\n`],
    [['pid', GONE, '--gone-ok'], 0, `kq: there is no process ${GONE}\n`],
    [
      ['pid', '--any', GONE, '1', '--gone-ok'],
      0,
      `kq: there is no process ${GONE}\n`,
    ],
    [['pid', '--file', 'none.pid'], 1, "kq: there is no file 'none.pid'\n"],
    [
      ['pid', '--file', 'none.pid', '--gone-ok'],
      0,
      "kq: there is no file 'none.pid'\n",
    ],
    [
      ['pid', '--file', 'bad.pid', '--gone-ok'],
      1,
      "kq: there is no process id in 'bad.pid'\n",
    ],
  ];

  let failing: readonly Outcome[] = [];
  let wrong: readonly Outcome[] = [];
  let right: readonly Outcome[] = [];
  beforeAll(async () => {
    writeFileSync(join(folder, 'bad.pid'), 'no number');
    const calls = [...WRONG.map(([args]) => args), [], ...RIGHT];
    const outcomes = await kqEach([...calls, ...FAILING.map(([args]) => args)]);
    wrong = outcomes.slice(0, WRONG.length + 1);
    right = outcomes.slice(WRONG.length + 1, calls.length);
    failing = outcomes.slice(calls.length);
  });

  test.each(
    FAILING.map(([args, code, says], i) => [args, code, says, i] as const),
  )('%j exits with %d', (_, code, says, index) => {
    const { stderr, status } = failing[index];
    expect({ stderr, status }).toEqual({ stderr: says, status: code });
  });

  test.each(WRONG.map(([args, message], i) => [args, message, i] as const))(
    '%j prints a hint and exits with 2',
    (_, message, index) => {
      const { stdout, stderr, status } = wrong[index];
      expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
      expect(stderr).toContain(message);
      expect(stderr).toMatch(/kq: try: kq .*--help/);
    },
  );

  test('prints its help, and an error without a command', () => {
    const { stdout, stderr, status } = wrong[WRONG.length];
    expect({ stdout, status }).toEqual({ stdout: '', status: 2 });
    expect(stderr).toContain('Usage: kq COMMAND');
    expect(right[0]).toEqual({ stdout: stderr, stderr: '', status: 0 });
  });

  test('prints its version and completions, explains kevents and constants', () => {
    for (const outcome of right) {
      expect(outcome).toMatchObject({ stderr: '', status: 0 });
    }
    const [, its, completion, kevent, all, some, bytes, ticking] = right;
    expect(its.stdout).toBe(`${version}\n`);
    expect(completion.stdout).toContain('complete -F _kq kq\n');
    expect(kevent.stdout).toBe('{7 READ EOF data=12}\n');
    const table = objectsOf(all) as { name: string; value: number }[];
    expect(
      Object.fromEntries(table.map(({ name, value }) => [name, value])),
    ).toEqual(kernels.freebsd.constants);
    expect(some.stdout).toBe('EVFILT_USER            8  0x0008\n');
    expect(objectsOf(bytes)).toEqual([
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
    const ticks = objectsOf(ticking) as { tick: number; missed: number }[];
    expect(ticks).toHaveLength(3);
    for (const tick of ticks) {
      expect(tick).toEqual({
        event: 'tick',
        tick: expect.any(Number),
        missed: expect.any(Number),
        time: TIME,
      });
    }
    expect(ticks[2].tick).toBeGreaterThanOrEqual(3);
  });

  test('rejects arguments that are not UTF-8, but accepts U+FFFD', async () => {
    const { stdout, stderr, status } = await bash(
      `kq watch $'a\\xff' -t 10s; echo $?
       kq constants $'\\xef\\xbf\\xbd'; echo $?`,
    );
    expect({ stdout, status }).toEqual({ stdout: '2\n1\n', status: 0 });
    expect(stderr).toMatch(/^kq: argument 2, .* is not UTF-8.*directory/);
    expect(stderr).toContain("no constant that begins with '\ufffd'");
  });

  gate(existsSync('/dev/full'), 'no device is full')(
    'fails with a message when it cannot write',
    async () => {
      const { stdout, stderr, status } = await bash(
        `kq constants >/dev/full; echo $?
         kq timer 1ms >/dev/full; echo $?`,
      );
      expect({ stdout, status }).toEqual({ stdout: '1\n1\n', status: 0 });
      expect(stderr).toMatch(/^(kq: cannot write to .* ENOSPC.*\n){2}$/);
    },
  );
});

describe('kq timer', () => {
  test('ends quietly when its output is closed', async () => {
    const { stdout, stderr, status } = await bash(
      `kq timer 5ms | head -1
       echo "\${PIPESTATUS[0]}"`,
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/^tick {2}\d+.*\n0\n$/);
  });

  test('dies of SIGINT by the signal, without output', async () => {
    const { child, wrote, outcome } = start('timer', '10ms');
    await wrote('tick');
    child.kill('SIGINT');
    const ended = await outcome;
    expect(ended.status).toBe('SIGINT');
    expect(ended.stderr).not.toMatch(/Error|at /);
    expect(ended.stderr).toMatch(/close\(\d+\) = 0\n$/);
  });
});

describe('kq --exec', () => {
  test('runs a command per event, in order, with the event in its environment', async () => {
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
    const [first, firstDetails, second, secondDetails] = linesOf(outcome);
    expect([first, second]).toEqual([
      expect.stringMatching(/^tick {2}\d/),
      expect.stringMatching(/^tick {2}\d/),
    ]);
    for (const line of [firstDetails, secondDetails]) {
      expect(line).toMatch(
        /^tick \{"event":"tick","tick":\d+,"missed":\d+,"time":".*Z"\}$/,
      );
    }
  });

  test('passes no file name to a shell, and no control characters to a terminal', async () => {
    const name = '$(touch x); rm -rf y; `touch x` & \u001b[31mtouch x\n"\'';
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
    const [first, ...rest] = stdout.split('\n');
    expect(first).toContain(
      `created     ${JSON.stringify(join(place, name))}  `,
    );
    expect(rest.join('\n')).toBe(`${join(place, name)}\n`);
    expect(readdirSync(place).sort()).toEqual([name, 'y'].sort());
    expect(existsSync(join(folder, 'x'))).toBe(false);
    expect(existsSync(join(root, 'x'))).toBe(false);
  });

  gate(process.platform === 'linux', 'file names are UTF-8 on macOS')(
    'prints all bytes of a name that is not UTF-8',
    async () => {
      const place = join(folder, 'bytes');
      mkdirSync(place);
      const { wrote, outcome } = start(
        ...['watch', place, '--once', '--exec', 'printenv KQ_JSON'],
      );
      await wrote(WATCHING);
      const name = Buffer.from('caf\xe9', 'latin1');
      writeFileSync(Buffer.concat([Buffer.from(`${place}/`), name]), '');
      const [text, json] = (await outcome).stdout.split('\n');
      expect(text).toBe(`added       "${place}/caf\\xe9"`);
      const { nameBase64, ...fields } = JSON.parse(json);
      expect(Buffer.from(nameBase64, 'base64')).toEqual(name);
      expect(fields).toMatchObject({ name: 'caf\ufffd', directory: place });
    },
  );

  test('lets the command read the data', async () => {
    const outcome = await kq(
      ['fd', '0', '-n', '1', '-e', 'head -c 3'],
      'abcdef',
    );
    expect(outcome).toMatchObject({ stderr: '', status: 0 });
    expect(linesOf(outcome)[1]).toBe('abc');
  });
});

test('kq watch follows a file that is not there yet', async () => {
  const path = join(folder, 'followed');
  // More than ten listeners for a signal are a warning of Node.js's.
  const others = Array.from({ length: 12 }, (_, i) => `other${i}`);
  const { wrote, outcome } = start(
    ...['watch', path, ...others, '--json', '--count', '3'],
  );
  await wrote(WATCHING);
  writeFileSync(path, 'one');
  await wrote('"created"');
  writeFileSync(path, 'three');
  await wrote('"changed"');
  rmSync(path);
  const ended = await outcome;
  expect(ended.status).toBe(0);
  const events = objectsOf(ended) as { event: string; path: string }[];
  expect(events.map(({ event }) => event)).toContain('created');
  for (const event of events) expect(event.path).toBe(path);
  expect(ended.stderr).not.toMatch(/Warning/);
});

test('kq watch reports the selected entries of a directory by name', async () => {
  const [source, late, many] = ['src', 'late', 'many'].map((name) =>
    join(folder, name),
  );
  for (const path of [source, many]) mkdirSync(path);
  // More than it opens.
  for (let i = 0; i <= 1000; i++) writeFileSync(join(many, `${i}.ts`), '');
  const { child, wrote, outcome } = start(
    ...['watch', 'src/', 'late', 'many', '--json'],
    ...[
      '--include',
      '*.{ts,js}',
      '--exclude',
      '*.test.ts',
      '--exclude=**/old*',
    ],
  );
  await wrote(WATCHING);
  for (const name of ['a.md', 'a.test.ts', 'old.ts', 'new.ts']) {
    writeFileSync(join(source, name), '');
  }
  await wrote(
    '{"event":"added","path":"src/new.ts","directory":"src/","name":"new.ts","kind":"file",',
  );
  appendFileSync(join(source, 'new.ts'), 'text');
  await wrote('{"event":"changed","path":"src/new.ts",');
  mkdirSync(late);
  await wrote('{"event":"created","path":"late",');
  mkdirSync(join(late, 'b.js'));
  await wrote(
    '{"event":"added","path":"late/b.js","directory":"late","name":"b.js","kind":"directory",',
  );
  rmSync(join(many, '7.ts'));
  await wrote('{"event":"removed","path":"many/7.ts",');
  child.kill('SIGTERM');
  const ended = await outcome;
  expect(ended.status).toBe('SIGTERM');
  expect(ended.stdout).not.toMatch(/a\.md|a\.test|old|"path":"src\/"/);
  expect(notesOf(ended)).toEqual([
    'kq: many has too many files to open: kq reports names, but no writes',
  ]);
});

/** Whether Linux reports an exit status to processes other than the parent. */
const [major, minor] = release().split('.').map(Number);
const isKnown =
  process.platform !== 'linux' || major > 6 || (major === 6 && minor >= 15);

describe('kq pid', () => {
  const sleepers: ChildProcess[] = [];
  afterEach(() => {
    for (const process of sleepers.splice(0)) process.kill('SIGKILL');
  });

  /** A process that exits on request. */
  const sleeper = (script: string): ChildProcess => {
    const process = spawn('sh', ['-c', `read line; ${script}`]);
    sleepers.push(process);
    return process;
  };

  test('waits for all, warns of processes that do not exist, and exits with the last code', async () => {
    const all = ['exit 0', 'exit 7', 'kill -KILL $$'].map(sleeper);
    const [first, second, third] = all.map(({ pid }) => String(pid));
    writeFileSync(join(folder, 'third.pid'), `${third}\nmore\n`);
    const { wrote, outcome } = start(
      ...['pid', '--json', first, GONE, second, '--file', 'third.pid'],
    );
    await wrote(/(?:PROC ADD[^\n]*= 0\n[\s\S]*){3}/);
    for (const process of all) {
      process.stdin?.end('\n');
      await wrote(`"pid":${process.pid},`);
    }
    const ended = await outcome;
    expect(ended.status).toBe(isKnown ? 137 : 3);
    expect(notesOf(ended)).toEqual([`kq: there is no process ${GONE}`]);
    const how = [
      [0, null],
      [7, null],
      [null, 'SIGKILL'],
    ].map(([code, signal]) =>
      isKnown ? { code, signal } : { code: null, signal: null },
    );
    expect(objectsOf(ended)).toEqual(
      all.map(({ pid }, i) => ({
        event: 'exited',
        pid,
        ...how[i],
        time: TIME,
      })),
    );
  });

  test('--any exits with the first code', async () => {
    const first = sleeper('kill -TERM $$');
    const { wrote, outcome } = start(
      'pid',
      '--any',
      String(process.pid),
      String(first.pid),
    );
    await wrote(/(?:PROC ADD[^\n]*= 0\n[\s\S]*){2}/);
    first.stdin?.end('\n');
    const { stdout, status } = await outcome;
    const how = isKnown ? 'by SIGTERM' : 'in an unknown way';
    expect(stdout).toBe(`exited  ${first.pid}  ${how}\n`);
    expect(status).toBe(isKnown ? 143 : 3);
  });
});

describe('kq fd', () => {
  test('reports new data and EOF', async () => {
    const outcome = await kq(['fd', '0', '--json'], 'hello\n');
    expect(outcome).toMatchObject({ stderr: '', status: 0 });
    expect(objectsOf(outcome).at(-1)).toEqual({
      event: 'readable',
      fd: 0,
      available: 6,
      bytes: 6,
      eof: true,
      time: TIME,
    });
  });

  test('passes the descriptor to the command', async () => {
    writeFileSync(join(folder, 'text'), 'some text');
    const { stdout } = await bash(
      `kq fd 7 --once --exec 'sh -c "head -c 4 <&7"' 7<text`,
    );
    expect(stdout).toBe('readable  7  9 bytes\nsome');
  });

  test('ends once the writer of a FIFO closes it', async () => {
    const { stdout } = await bash(
      `mkfifo fifo
       { echo hello >fifo; } &
       kq fd 3 3<fifo; echo $?`,
    );
    expect(stdout).toMatch(
      /^(readable {2}3 {2}6 bytes\n)?readable {2}3 {2}6 bytes {2}end\n0\n$/,
    );
  });
});

test('kq signal reports a signal instead of ending', async () => {
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
  expect(objectsOf(ended)).toEqual([
    { event: 'signal', signal: 'SIGUSR2', count: 1, time: TIME },
    { event: 'signal', signal: 'SIGINT', count: 1, time: TIME },
  ]);
  expect(notesOf(ended)).toEqual([]);
});

test('kq user triggers an event per line, and fails for a bad line', async () => {
  const outcome = await kq(['user', '7', '--json'], '3\nbogus\n5\n');
  expect(outcome).toMatchObject({
    stderr: 'kq: a line must be empty or a number from 0 to 16777215\n',
    status: 1,
  });
  expect(objectsOf(outcome).at(-1)).toEqual({
    event: 'user',
    id: 7,
    fflags: 5,
    time: TIME,
  });
});

describe('kq doctor', () => {
  test('reports no problem, and writes it to a report', async () => {
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
    'rejects a library that only looks like kqueue',
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

  test('explains how to get the conformance suite if it is missing', async () => {
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

test('the documentation matches the output of kq for kevents and constants', async () => {
  const page = readFileSync(join(root, 'docs/cli.md'), 'utf8');
  const shown = [...page.matchAll(/^```console\n(.*?)^```/gms)]
    .flatMap(([, block]) => block.split(/^\$ /m).slice(1))
    .filter((session) => /^kq (explain|constants)/.test(session))
    .map((session) => {
      const [command, ...output] = session.split('\n');
      return { command, output: output.join('\n') };
    });
  expect(shown.length).toBeGreaterThan(6);
  const calls = shown.map(({ command }) => splitWords(command).slice(1));
  const outcomes = await kqEach(calls);
  expect(outcomes.map(({ stdout }) => stdout)).toEqual(
    shown.map(({ output }) => output),
  );
});
