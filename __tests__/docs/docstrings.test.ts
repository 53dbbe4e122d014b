// Every example in the docstring of a helper, as a reader would run it.
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
