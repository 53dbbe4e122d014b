/** What importing and the first call take, each time in a new process. */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { valueRow } from '../report.js';
import { answer, task } from '../task.js';

const ROUNDS = task.quick ? 5 : 51;

const fixture = (name: string): string =>
  new URL(`../fixtures/${name}`, import.meta.url).href;
const cjs = createRequire(import.meta.url).resolve('kqueue-ffi');

/**
 * The arguments of each process: a program, its module, and whether it makes a
 * call.
 */
const programs = {
  esm: ['load.mjs', import.meta.resolve('kqueue-ffi'), 'call'],
  emptyEsm: ['load.mjs', fixture('empty.mjs')],
  cjs: ['load.cjs', cjs, 'call'],
  emptyCjs: ['load.cjs', fileURLToPath(fixture('empty.cjs'))],
};
type Name = keyof typeof programs;
const names = Object.keys(programs) as Name[];

const imports: Record<Name, number[]> = {
  esm: [],
  emptyEsm: [],
  cjs: [],
  emptyCjs: [],
};
const first: Record<Name, number[]> = {
  esm: [],
  emptyEsm: [],
  cjs: [],
  emptyCjs: [],
};

for (let round = 0; round < ROUNDS; round++) {
  for (const name of names) {
    const [program, ...args] = programs[name];
    const file = fileURLToPath(fixture(program));
    const printed = execFileSync(process.execPath, [file, ...args], {
      encoding: 'utf8',
    });
    const [loading, calling]: [number, number] = JSON.parse(printed);
    imports[name].push(loading);
    first[name].push(calling);
  }
}

const over = (name: Name, base: Name): number[] =>
  imports[name].map((ms, round) => ms - imports[base][round]);

const load = { most: 3 };
const call = { most: 15 };
answer({
  id: 'start',
  title: 'Importing the package, and the first call',
  rows: [
    valueRow(
      'import, over an empty module',
      'ms',
      over('esm', 'emptyEsm'),
      load,
    ),
    valueRow(
      'require, over an empty module',
      'ms',
      over('cjs', 'emptyCjs'),
      load,
    ),
    valueRow('first kqueue() after import', 'ms', first.esm, call),
    valueRow('first kqueue() after require', 'ms', first.cjs, call),
  ],
  notes: [`${ROUNDS} processes of each. The first call loads koffi.`],
});
