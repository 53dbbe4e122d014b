import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  install,
  type Outcome,
  type Project,
  root,
  run,
} from '../support/built-package.js';
import { compile } from '../support/compile.js';
import { filesInTurn } from '../support/in-turn.js';

const examples = readdirSync(join(root, 'examples')).filter((name) =>
  name.endsWith('.ts'),
);

/** Node runs a `.ts` file as it is where it can strip types. */
const strips = (process.features as { typescript?: unknown }).typescript;

let project: Project;
let outcomes: Promise<Outcome[]>;

beforeAll(async () => {
  project = await install();
  const { folder } = project;
  cpSync(join(root, 'examples'), folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  if (!strips) {
    const options = { module: 'esnext', target: 'es2022', noCheck: true };
    expect(await compile([{ folder, files: examples, options }])).toEqual(['']);
  }
  const files = examples.map((name) =>
    join(folder, strips ? name : name.replace(/\.ts$/, '.js')),
  );
  outcomes = filesInTurn(files, folder);
}, 60_000);

afterAll(async () => {
  await outcomes;
  project?.dispose();
}, 60_000);

/** How an example ended that was run with the package, as a reader would. */
const example = async (name: string): Promise<Outcome> =>
  (await outcomes)[examples.indexOf(name)];

const linesOf = (outcome: Outcome): string[] =>
  outcome.stdout.trimEnd().split('\n');

const succeeds = expect.objectContaining({ status: 0, stderr: '' });

test('every example has a test', () => {
  const tests = readFileSync(
    join(root, '__tests__/docs/examples.test.ts'),
    'utf8',
  );
  expect(examples.filter((name) => !tests.includes(`'${name}'`))).toEqual([]);
});

test('docs/examples.md lists every example', () => {
  const page = readFileSync(join(root, 'docs/examples.md'), 'utf8');
  const missing = readdirSync(join(root, 'examples'))
    .filter((name) => name.endsWith('.ts'))
    .filter((name) => !page.includes(`(../examples/${name})`));
  expect(missing).toEqual([]);
});

describe('readiness-loop.ts', () => {
  let outcome: Outcome;

  beforeAll(async () => {
    outcome = await example('readiness-loop.ts');
  }, 60_000);

  test('exits with 0 once all five answers arrived', () => {
    expect(outcome).toEqual(succeeds);
    expect(linesOf(outcome).at(-1)).toMatch(/^all 5 answers after \d+ ms$/);
  });

  test('prints the bytes of each connection once, with its descriptor', () => {
    const answers = outcome.stdout.match(/connection .*/g) ?? [];
    expect(answers.sort()).toEqual([
      'connection 0: "answer 0 after 300 ms"',
      'connection 1: "answer 1 after 100 ms"',
      'connection 2: "answer 2 after 500 ms"',
      'connection 3: "answer 3 after 200 ms"',
      'connection 4: "answer 4 after 400 ms"',
    ]);
  });

  test('prints every event with the names of its filter and flags', () => {
    const lines = linesOf(outcome);
    const reads = lines.filter((line) => line.includes('connection'));
    expect(reads).toHaveLength(5);
    for (const line of reads) {
      expect(line).toMatch(/^ *\d+ ms {2}EVFILT_READ (EV_\w+\|)*EV_ONESHOT/);
    }
    expect(lines).toContainEqual(
      expect.stringMatching(/^ *\d+ ms {2}EVFILT_TIMER EV_\w+.* heartbeat/),
    );
  });

  test('receives no answer before its delay', () => {
    const answers = linesOf(outcome)
      .map((line) => /^ *(\d+) ms .* after (\d+) ms"$/.exec(line))
      .filter((found) => found !== null);
    expect(answers).toHaveLength(5);
    for (const [, came, delay] of answers) {
      // The server's clock and this one round differently.
      expect(Number(came)).toBeGreaterThanOrEqual(Number(delay) - 5);
    }
  });

  test('receives the heartbeat while it waits for answers', () => {
    const beats = linesOf(outcome).filter((line) => line.includes('heartbeat'));
    expect(beats.length).toBeGreaterThanOrEqual(2);
  });
});

test('timer.ts counts five ticks, none of them early', async () => {
  const outcome = await example('timer.ts');
  expect(outcome).toEqual(succeeds);
  const ticks = linesOf(outcome).map((line) => {
    const found = /^tick (\d+) after (\d+) ms$/.exec(line);
    return { tick: Number(found?.[1]), after: Number(found?.[2]) };
  });
  expect(ticks.at(-1)?.tick).toBeGreaterThanOrEqual(5);
  for (const { tick, after } of ticks) {
    expect(after).toBeGreaterThanOrEqual(tick * 100 - 1);
  }
});

test('user-event.ts shows two triggers become one event', async () => {
  const outcome = await example('user-event.ts');
  expect(outcome).toEqual(succeeds);
  expect(linesOf(outcome)).toEqual([
    'before: 0 events',
    'after two rings: 1 event',
    'it is ident 7 with udata 42',
    'afterwards: 0 events',
  ]);
});

test('npm run example runs an example by name, and lists them without one', async () => {
  const script = join(root, 'scripts/example.mjs');
  const ran = await run(process.execPath, [script, 'user-event']);
  expect(ran).toEqual(succeeds);
  expect(linesOf(ran)).toContain('after two rings: 1 event');
  const { stderr, status } = await run(process.execPath, [script]);
  expect(status).toBe(2);
  for (const name of examples) {
    expect(stderr).toContain(`npm run example ${name.replace(/\.ts$/, '')}`);
  }
});

test('pipe.ts prints all output of the child, then its end', async () => {
  const outcome = await example('pipe.ts');
  expect(outcome).toEqual(succeeds);
  const lines = linesOf(outcome);
  const text = lines
    .map((line) => /^\d+ bytes: (".*")$/.exec(line)?.[1])
    .filter((quoted) => quoted !== undefined)
    .map((quoted) => JSON.parse(quoted));
  expect(text.join('')).toBe('one\ntwo\nthree\n');
  expect(lines.at(-1)).toBe('the child closed its end');
});

const said = (...lines: (string | RegExp)[]) => ({
  status: 0,
  stderr: '',
  stdout: expect.stringMatching(
    new RegExp(
      `^${lines.map((line) => (typeof line === 'string' ? line : line.source)).join('\\n')}\\n$`,
    ),
  ),
});

test('echo-server.ts echoes every byte, even more than a socket buffer holds', async () => {
  expect(await example('echo-server.ts')).toEqual(
    said(
      'sent 5 bytes, 5 came back',
      'sent 100000 bytes, 100000 came back',
      'sent 10000000 bytes, 10000000 came back',
    ),
  );
}, 40_000);

test('watch-file.ts prints each change of its file', async () => {
  expect(await example('watch-file.ts')).toEqual(
    said(/.*write.*/, 'attrib', 'rename', /.*delete.*/),
  );
}, 40_000);

test('wait-pid.ts waits for a process that is not a child', async () => {
  expect(await example('wait-pid.ts')).toEqual(
    said(
      /(process exited after \d+ ms|there is no such process)/,
      'again: no such process',
    ),
  );
}, 40_000);

test('debounce.ts handles each burst once', async () => {
  expect(await example('debounce.ts')).toEqual(
    said('saved after 5 keys', 'saved after 10 keys'),
  );
}, 40_000);

test('wake-worker.ts wakes a thread that is blocked in a system call', async () => {
  expect(await example('wake-worker.ts')).toEqual(
    said(
      'woken to check',
      'woken to quit',
      'it worked three times',
      'the worker can be woken: false',
    ),
  );
}, 40_000);

test('nested.ts handles urgent events first', async () => {
  expect(await example('nested.ts')).toEqual(
    said('urgent 1', 'bulk 1', 'urgent 2', 'bulk 2', 'urgent 3', 'bulk 3'),
  );
}, 40_000);

test('follow-log.ts prints each line once, through a rotation', async () => {
  expect(await example('follow-log.ts')).toEqual(
    said(
      'one',
      'two',
      'two and a half',
      'three, in another file',
      'four',
      'five, all else was cut',
    ),
  );
}, 40_000);

test('supervisor.ts restarts a failed program, and stops it on exit', async () => {
  expect(await example('supervisor.ts')).toEqual(
    said(
      'started: 1',
      'exited: 3',
      'started: 2',
      'exited: 3',
      'started: 3',
      'exited: SIGTERM',
    ),
  );
}, 40_000);

test('wait-many.ts prints the exit status of each process', async () => {
  const outcome = await example('wait-many.ts');
  expect(outcome).toEqual(succeeds);
  expect(linesOf(outcome).sort()).toEqual([
    'process 0: 0',
    'process 1: 3',
    'process 2: SIGTERM',
  ]);
}, 40_000);
