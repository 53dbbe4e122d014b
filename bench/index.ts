/**
 * How fast it is: `npm run bench`, or `npm run bench -- --quick` for a first
 * impression; with names of tables (or parts of them) after it, only those.
 *
 * Each question is answered by a table whose ratios come from interleaved
 * rounds of one run, so that they hold on a busy machine too. A whole run
 * writes docs/bench/results.json and charts; `--out FOLDER` writes any run
 * elsewhere. `--libkqueue PATH` names the library that Linux is compared with.
 *
 * With KQUEUE_FFI_LIBRARY and KQUEUE_FFI_ABI all is measured over that library.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import koffi from 'koffi';
import { kernel } from 'kqueue-ffi';
import { kernels } from 'kqueue-ffi/abi';
import { canStub, stubLibrary } from '../__tests__/support/stub-library.js';
import { chartOf, hasChart } from './chart.js';
import * as native from './native.js';
import { type Table, textOf } from './report.js';
import type { Task } from './task.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    libkqueue: { type: 'string' },
  },
});
const { quick } = values;
const isWanted = (id: string): boolean =>
  positionals.length === 0 || positionals.some((name) => id.includes(name));

// A nursery that holds a round of garbage, so that all of it is counted.
const COUNTING = [
  '--expose-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
];

// A fixed nursery: a growing one would resemble a leak.
const STEADY = ['--min-semi-space-size=1', '--max-semi-space-size=1'];

/** A program of questions/, and the tables that it makes. */
interface Question {
  readonly file: string;
  readonly tables: readonly string[];
  readonly flags?: readonly string[];
  readonly task?: Partial<Task>;
  readonly env?: NodeJS.ProcessEnv;
  /** Why it cannot run here. */
  readonly missing?: string | false;
}

const given = process.env.KQUEUE_FFI_LIBRARY;

/** Libraries and programs that were made for this run. */
interface Made {
  readonly program?: string;
  readonly addon?: string;
  readonly standIn?: string;
  readonly noop?: string;
}

const leftOut = (what: string, why: string): void =>
  console.log(`Left out: ${what}, because ${why}.`);

function make(folder: string): Made {
  let noop: string | undefined;
  if (canStub && given === undefined) {
    noop = join(folder, 'libnoop.so');
    writeFileSync(noop, stubLibrary());
  }
  const baselines = 'the baselines in C and Node-API';
  const compiler = native.findCompiler();
  if (compiler === undefined) {
    leftOut(baselines, 'there is no C compiler');
    return { ...(noop && { noop }) };
  }
  // With the stand-in or the empty library, the constants are Darwin's.
  const facts = kernels[given === undefined && noop ? 'darwin' : kernel.abi];
  const { EVFILT_USER, EV_ADD, NOTE_TRIGGER } = facts.constants as Record<
    string,
    number | undefined
  >;
  const elsewhere = given !== undefined || noop !== undefined;
  if (
    EVFILT_USER === undefined ||
    EV_ADD === undefined ||
    NOTE_TRIGGER === undefined ||
    (elsewhere && ['freebsd', 'netbsd'].includes(facts.name))
  ) {
    leftOut(baselines, `they do not know the kevent of ${facts.name}`);
    return { ...(noop && { noop }) };
  }
  const constants = { EVFILT_USER, EV_ADD, NOTE_TRIGGER };
  const headers = native.findHeaders();
  if (headers === undefined) {
    leftOut('the addon', "this Node's headers (node_api.h) are not beside it");
  }
  const program = native.compileProgram(compiler, folder, constants);
  const addon =
    headers && native.compileAddon(compiler, folder, headers, constants);
  const standIn =
    given === undefined && kernel.name === 'linux'
      ? native.compileStandIn(compiler, folder)
      : undefined;
  return {
    ...(noop && { noop }),
    ...(program && { program }),
    ...(addon && { addon }),
    ...(standIn && { standIn }),
  };
}

/** libkqueue where it is installed, or where `--libkqueue` says. */
function findLibkqueue(): string | undefined {
  const name = values.libkqueue ?? 'libkqueue.so.0';
  try {
    koffi.load(name);
    return name;
  } catch {
    leftOut('libkqueue', `${name} cannot be loaded`);
    return undefined;
  }
}

function questions({ standIn, noop }: Made): Question[] {
  const libkqueue =
    kernel.name === 'linux' && isWanted('libkqueue')
      ? findLibkqueue()
      : undefined;
  const library = given ?? standIn;
  const over = (path: string | undefined): NodeJS.ProcessEnv =>
    path === undefined || path === given
      ? {}
      : { KQUEUE_FFI_LIBRARY: path, KQUEUE_FFI_ABI: 'darwin' };
  const onLinux = kernel.name !== 'linux' && 'this is not the kqueue for Linux';
  const noKernel = !kernel.supported && 'there is no kqueue';
  return [
    {
      file: 'calls.ts',
      tables: ['empty', 'harvest', 'objects', 'changes'],
      env: over(library),
      task: {
        ...(library && { library }),
        ...(standIn && { over: 'stand-in' }),
      },
      missing:
        library === undefined &&
        (kernel.name === 'linux' || !kernel.supported) &&
        'there is neither a library nor a compiler to make one',
    },
    {
      file: 'calls.ts',
      tables: ['empty'],
      env: over(noop),
      task: { ...(noop && { library: noop, over: 'nothing' }) },
      missing: noop === undefined && 'there is no library that does nothing',
    },
    {
      file: 'lists.ts',
      tables: ['lists'],
      flags: ['--expose-gc'],
      env: over(noop),
      task: { ...(noop && { library: noop, over: 'nothing' }) },
      missing: noop === undefined && 'there is no library that does nothing',
    },
    {
      file: 'garbage.ts',
      tables: ['garbage'],
      flags: COUNTING,
      env: over(library ?? noop),
      task:
        library !== undefined
          ? standIn === undefined
            ? {}
            : { over: 'stand-in' }
          : { ...(noop && { over: 'nothing' }) },
      missing: library === undefined && noop === undefined && noKernel,
    },
    {
      file: 'garbage.ts',
      tables: ['garbage'],
      flags: COUNTING,
      missing: onLinux,
    },
    {
      file: 'linux.ts',
      tables: ['linux-empty', 'linux-harvest', 'linux-user'],
      missing: onLinux,
    },
    {
      file: 'libkqueue.ts',
      tables: ['libkqueue'],
      task: { ...(libkqueue && { libkqueue }) },
      missing: onLinux,
    },
    {
      file: 'scale.ts',
      tables: ['scale'],
      flags: ['--expose-gc'],
      missing: onLinux,
    },
    { file: 'nested.ts', tables: ['nested'], missing: onLinux },
    { file: 'latency.ts', tables: ['latency'], missing: noKernel },
    { file: 'wake.ts', tables: ['wake'], missing: noKernel },
    { file: 'ping-pong.ts', tables: ['ping-pong'], missing: noKernel },
    { file: 'flood.ts', tables: ['flood'], missing: noKernel },
    {
      file: 'churn.ts',
      tables: ['churn'],
      flags: ['--expose-gc', ...STEADY],
      missing: noKernel,
    },
    { file: 'start.ts', tables: ['start'], missing: noKernel },
  ];
}

const run = promisify(execFile);

/** Measure a question in a child process. */
async function measure(question: Question, made: Made): Promise<Table[]> {
  const { file, tables, flags = [], env } = question;
  const { program, addon } = made;
  const task: Task = {
    ...(quick ? { rounds: 15, roundMs: 4 } : { rounds: 101, roundMs: 10 }),
    quick,
    wanted: tables.filter(isWanted),
    ...(program && { program }),
    ...(addon && { addon }),
    ...question.task,
  };
  const path = fileURLToPath(new URL(`questions/${file}`, import.meta.url));
  const args = [...process.execArgv, ...flags, path, JSON.stringify(task)];
  const { stdout, stderr } = await run(process.execPath, args, {
    env: { ...process.env, ...env },
    maxBuffer: 1 << 26,
  });
  process.stderr.write(stderr);
  return JSON.parse(stdout);
}

/** Tables of the same name are one. */
function joined(tables: readonly Table[]): Table[] {
  const byId = new Map<string, Table>();
  for (const table of tables) {
    const known = byId.get(table.id);
    byId.set(table.id, {
      ...table,
      rows: [...(known?.rows ?? []), ...table.rows],
      notes: [...new Set([...(known?.notes ?? []), ...table.notes])],
    });
  }
  return [...byId.values()];
}

/** Where it was measured; without a date, so that a run can be compared. */
const machine = {
  node: process.version,
  arch: process.arch,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cpus: cpus().length,
  system: `${type()} ${release().split('.').slice(0, 2).join('.')}`,
  kernel: kernel.name,
  quick,
};

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  const tables: Table[] = [];
  try {
    const { node, arch, cpu, system } = machine;
    console.log(
      `kqueue-ffi, ${kernel.name} kernel; Node ${node}, ${arch}, ${cpu}, ${system}`,
    );
    const made = make(folder);
    const all = questions(made).filter((q) => q.tables.some(isWanted));
    const selected = all.filter(({ missing }) => !missing);
    const answered = selected.flatMap((question) => question.tables);
    for (const { missing, tables: ids } of all) {
      const without = ids.filter((id) => !answered.includes(id));
      if (missing && without.length > 0) leftOut(without.join(', '), missing);
    }
    for (const [i, question] of selected.entries()) {
      const { tables: ids } = question;
      try {
        tables.push(...(await measure(question, made)));
      } catch (error) {
        process.exitCode = 1;
        const { stderr } = error as { stderr?: string };
        console.log(`\nFailed: ${ids.join(', ')}\n${stderr ?? error}`);
        continue;
      }
      // The next one may add to the same table.
      const later = selected.slice(i + 1).flatMap((q) => q.tables);
      for (const table of joined(tables)) {
        if (!ids.includes(table.id) || later.includes(table.id)) continue;
        console.log(`\n${textOf(table)}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  report(joined(tables));
}

/** Four digits: the others are noise. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(4)) : value;

function report(tables: readonly Table[]): void {
  const rows = tables.flatMap((table) => table.rows);
  const goals = rows.filter((row) => row.goal !== undefined);
  const reached = goals.filter((row) => row.reached).length;
  console.log(`\n${reached} of ${goals.length} goals reached.`);

  const whole = !quick && positionals.length === 0 && given === undefined;
  const out =
    values.out ??
    (whole ? fileURLToPath(new URL('../docs/bench', import.meta.url)) : null);
  if (out === null) {
    console.log('Nothing was written: only a whole run is, or with --out.');
    return;
  }
  mkdirSync(out, { recursive: true });
  const plain = tables.map((table) => ({
    ...table,
    notes: table.notes.join(' '),
  }));
  const text = JSON.stringify({ machine, tables: plain }, rounded, 2);
  writeFileSync(join(out, 'results.json'), `${text}\n`);
  const charted = tables.filter(hasChart);
  for (const table of charted) {
    writeFileSync(join(out, `${table.id}.svg`), chartOf(table));
  }
  console.log(`Written: results.json and ${charted.length} charts.`);
}

await main();
