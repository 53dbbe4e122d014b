/** What importing and the first call take, each time in a new process. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { valueRow } from '../report.js';
import { answer, task } from '../task.js';

const ROUNDS = task.quick ? 5 : 51;

const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
const empty = (name: string): string => {
  const path = join(folder, name);
  writeFileSync(path, '');
  return path;
};

const cjs = createRequire(import.meta.url).resolve('kqueue-ffi');
const esm = import.meta.resolve('kqueue-ffi');
const emptyEsm = pathToFileURL(empty('empty.mjs')).href;
const emptyCjs = empty('empty.cjs');

const FIRST = `
const between = performance.now();
const kq = api.kqueue();
const end = performance.now();
api.close(kq);
`;
const script = (load: string, isPackage: boolean): string => `
const start = performance.now();
const api = ${load};
const loaded = performance.now();
${isPackage ? FIRST : 'const between = 0, end = 0;'}
process.stdout.write(JSON.stringify([loaded - start, end - between]));
`;

const scripts = {
  esm: script(`await import('${esm}')`, true),
  emptyEsm: script(`await import('${emptyEsm}')`, false),
  cjs: script(`require(${JSON.stringify(cjs)})`, true),
  emptyCjs: script(`require(${JSON.stringify(emptyCjs)})`, false),
};
type Name = keyof typeof scripts;
const names = Object.keys(scripts) as Name[];

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
    const type = name.toLowerCase().includes('esm') ? 'module' : 'commonjs';
    const args = [`--input-type=${type}`, '-e', scripts[name]];
    const printed = execFileSync(process.execPath, args, { encoding: 'utf8' });
    const [loading, calling]: [number, number] = JSON.parse(printed);
    imports[name].push(loading);
    first[name].push(calling);
  }
}
rmSync(folder, { recursive: true });

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
