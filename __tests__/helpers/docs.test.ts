// Every block of docs/helpers.md, and every example of a helper, as a reader
// would run it.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, root, run } from '../support/built-package.js';

let folder: string;
let count = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/kqueue-ffi'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runFile = (file: string, input?: string): Promise<Outcome> =>
  run(process.execPath, ['--import', 'tsx', file], root, input);

/** Of the types of TypeScript none of them has need. */
const isPlain = (code: string): boolean => !/^ *using /m.test(code);

function runBlock(code: string, input?: string): Promise<Outcome> {
  const plain = isPlain(code);
  const file = join(folder, `${count++}.${plain ? 'mjs' : 'mts'}`);
  writeFileSync(file, code);
  return plain
    ? run(process.execPath, [file], root, input)
    : runFile(file, input);
}

const doc = readFileSync(join(root, 'docs/helpers.md'), 'utf8');
const blocks = [...doc.matchAll(/^```ts\n(.*?)^```/gms)].map(
  ([, code]) => code,
);

test.each([
  ['the abort', 0, '1\n2\n3\n4\n'],
  ['exited', 1, '3 null\n'],
  ['disposal', 2, 'and now nobody waits for it\n'],
  ['watchFile', 3, 'created\nchanged\nreplaced\ndeleted\n'],
  ['interval', 4, undefined],
  ['signals', 5, 'SIGHUP 1\n'],
  ['readable and writable', 6, 'true\nhello\n\n'],
])('the block of docs/helpers.md about %s runs', async (_, index, printed) => {
  const { status, stdout, stderr } = await runBlock(blocks[index]);
  expect([stderr, status]).toEqual(['', 0]);
  // How many ticks there are is a matter of how busy the machine is.
  if (index === 0) expect(printed).toContain(stdout.slice(0, 2));
  else if (printed !== undefined) expect(stdout).toBe(printed);
});

test('docs/helpers.md has no other block', () => {
  expect(blocks).toHaveLength(7);
});

const examples = readdirSync(join(root, 'src/helpers')).flatMap((name) => {
  const source = readFileSync(join(root, 'src/helpers', name), 'utf8');
  return [...source.matchAll(/\* ```ts\n(.*?)\* ```/gs)].map(
    ([, code]) => [name, code.replace(/^ *\* ?/gm, '')] as const,
  );
});

test.each(examples)('an example in %s runs', async (_, code) => {
  const { status, stdout, stderr } = await runBlock(code, 'hello');
  expect([stderr, status]).toEqual(['', 0]);
  expect(stdout).not.toBe('');
});

test('follow-log.ts prints each line once, through a rotation', async () => {
  const file = join(root, 'examples/follow-log.ts');
  const { status, stdout, stderr } = await runFile(file);
  expect([stderr, status]).toEqual(['', 0]);
  expect(stdout.trim().split('\n')).toEqual([
    'one',
    'two',
    'three, in another file',
    'four',
    'five, all else was cut',
  ]);
});

test('wait-many.ts says how each process ended', async () => {
  const file = join(root, 'examples/wait-many.ts');
  const { status, stdout, stderr } = await runFile(file);
  expect([stderr, status]).toEqual(['', 0]);
  expect(stdout.trim().split('\n').sort()).toEqual([
    'process 0: 0',
    'process 1: 3',
    'process 2: SIGTERM',
  ]);
});
