/**
 * What calls cost: `npm run bench`, or `npm run bench -- --quick` for a first
 * impression. Times are medians of interleaved rounds; look at the ratios,
 * which say how much of it is this library's.
 *
 * With KQUEUE_FFI_LIBRARY and KQUEUE_FFI_ABI the FFI is measured over that
 * library. Without, over one of three functions that return at once: what is
 * left is the way there and back.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kernel } from 'kqueue-ffi';
import { canStub, stubLibrary } from '../__tests__/helpers/stub-library.js';
import * as linux from './linux.js';
import { type Effort, measure, type Timing } from './measure.js';

const quick = process.argv.includes('--quick');
const effort: Effort = quick
  ? { rounds: 7, roundMs: 20 }
  : { rounds: 25, roundMs: 100 };

// A nursery that holds a round of garbage, so that all of it is counted.
const NURSERY = ['--min-semi-space-size=64', '--max-semi-space-size=64'];

/** Run one of the files here in a process of its own: what it printed. */
function inProcess(
  file: string,
  argument: unknown,
  env: NodeJS.ProcessEnv = {},
): string {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const flags = [...process.execArgv, '--expose-gc', ...NURSERY];
  const args = [...flags, path, JSON.stringify(argument)];
  return execFileSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

interface FfiResult {
  readonly timing: Timing;
  readonly bytes: number;
}

/** The FFI over the library that was given, or over one that does nothing. */
function measureFfi(): FfiResult | string {
  const given = process.env.KQUEUE_FFI_LIBRARY;
  if (given !== undefined) {
    return JSON.parse(inProcess('ffi.ts', { ...effort, library: given }));
  }
  if (!canStub) return 'no library: give one by KQUEUE_FFI_LIBRARY';
  const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  try {
    const library = join(folder, 'libstub.so');
    writeFileSync(library, stubLibrary());
    const env = { KQUEUE_FFI_LIBRARY: library, KQUEUE_FFI_ABI: 'darwin' };
    const argument = { ...effort, library };
    const result: FfiResult = JSON.parse(inProcess('ffi.ts', argument, env));
    const name = 'FFI call of a function that returns at once';
    return { ...result, timing: { ...result.timing, name } };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const NAME_WIDTH = 58;

function print(name: string, ...cells: readonly string[]): void {
  const padded = cells.map((cell) => cell.padStart(12)).join('');
  console.log(`${name.padEnd(NAME_WIDTH)}${padded}`.trimEnd());
}

function printTiming({ name, ns, rawNs }: Timing): void {
  const raw = rawNs === undefined ? '-' : rawNs.toFixed(0);
  const ratio = rawNs === undefined ? '-' : (ns / rawNs).toFixed(2);
  print(name, ns.toFixed(0), raw, ratio);
}

const { rounds, roundMs } = effort;
console.log(
  `${kernel.name} kernel, Node ${process.version}, ${process.arch}; medians of ${rounds} rounds of ${roundMs} ms`,
);
console.log();
print('time', 'ns', 'raw ns', 'ratio');

const ffi = measureFfi();
if (kernel.name === 'linux') {
  try {
    measure(linux.subjects(), effort).forEach(printTiming);
  } finally {
    linux.dispose();
  }
}
if (typeof ffi === 'string') print('FFI call', ffi);
else printTiming(ffi.timing);

console.log();
print('garbage', 'bytes/call');
if (kernel.supported) {
  print(
    `idle poll of ${kernel.name}`,
    Number(inProcess('idle.ts', null)).toFixed(2),
  );
}
if (typeof ffi !== 'string') print(ffi.timing.name, ffi.bytes.toFixed(2));

console.log();
const queue = fileURLToPath(new URL('queue.ts', import.meta.url));
execFileSync(
  process.execPath,
  [...process.execArgv, queue, quick ? '1' : '5'],
  {
    stdio: 'inherit',
  },
);
