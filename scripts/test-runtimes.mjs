#!/usr/bin/env node
// Install runtimes from npm and run this package in each: the core script in
// all, the tests in the Nodes. Prints a table; fails if anything failed.
//
//   npm run test:runtimes                     all of them
//   npm run test:runtimes -- --core           the core script only
//   npm run test:runtimes -- node@22 bun      these only
//
// They are kept in KQUEUE_FFI_RUNTIMES, by default in the folder for temporary
// files, and installed once.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const RUNTIMES = ['node@20', 'node@22', 'node@24', 'node@26', 'bun', 'deno'];
const MINUTES = { install: 5, core: 3, tests: 10 };

const { values, positionals } = parseArgs({
  options: { core: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const chosen = positionals.length > 0 ? positionals : RUNTIMES;
for (const name of chosen) {
  if (!RUNTIMES.includes(name)) {
    console.error(`There is no ${name}; there are ${RUNTIMES.join(', ')}.`);
    process.exit(2);
  }
}

const root = join(dirname(new URL(import.meta.url).pathname), '..');
const cache =
  process.env.KQUEUE_FFI_RUNTIMES ?? join(tmpdir(), 'kqueue-ffi-runtimes');

/** Run a command to its end, or for so many minutes. */
function run(
  command,
  args,
  minutes,
  { cwd = root, env = {}, quiet = true } = {},
) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: minutes * 60_000,
      killSignal: 'SIGKILL',
    });
    let out = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        out += text;
        if (!quiet) process.stdout.write(text);
      });
    }
    child.on('error', (error) => resolve({ code: -1, out: String(error) }));
    child.on('close', (code, signal) => resolve({ code: code ?? signal, out }));
  });
}

/** The program of a runtime, installed if it is not there yet. */
async function programOf(runtime) {
  const [name] = runtime.split('@');
  const folder = join(cache, runtime.replace('@', ''));
  const file = join(folder, 'node_modules', '.bin', name);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    const args = ['install', '--no-audit', '--no-fund', runtime];
    const { code, out } = await run('npm', args, MINUTES.install, {
      cwd: folder,
    });
    if (code !== 0 || !existsSync(file)) {
      throw new Error(
        `npm install ${runtime}: ${out.trim().split('\n').at(-1)}`,
      );
    }
  }
  return file;
}

const rows = [];
let failed = false;
for (const runtime of chosen) {
  const row = { runtime, version: '', core: '', driver: '', tests: '' };
  rows.push(row);
  try {
    const program = await programOf(runtime);
    const isNode = runtime.startsWith('node');
    const version = await run(program, ['--version'], 1);
    row.version = /\d+\.\d+\.\d+/.exec(version.out)?.[0] ?? '?';
    console.log(`# ${runtime} (${row.version})`);
    const before = runtime === 'deno' ? ['run', '-A'] : [];
    const core = await run(
      program,
      [...before, join('scripts', 'runtime-core.mjs')],
      MINUTES.core,
      { quiet: false },
    );
    const last = core.out.trim().split('\n').at(-1) ?? '';
    if (last.startsWith('{')) {
      const { driver, results } = JSON.parse(last);
      const passed = results.filter(({ ok }) => ok).length;
      row.driver = driver;
      row.core = `${passed} of ${results.length}`;
    } else {
      row.core = `ended with ${core.code}`;
    }
    failed ||= core.code !== 0;
    if (isNode && !values.core) {
      const PATH = `${dirname(program)}${delimiter}${process.env.PATH}`;
      const jest = join('node_modules', 'jest', 'bin', 'jest.js');
      const tests = await run(program, [jest, '--silent'], MINUTES.tests, {
        env: { PATH },
      });
      const summary = /^Tests: +(.*)$/m.exec(tests.out)?.[1];
      row.tests = summary ?? `ended with ${tests.code}`;
      failed ||= tests.code !== 0;
      if (tests.code !== 0)
        console.log(tests.out.match(/^ {2}● .*$/gm)?.join('\n'));
    }
  } catch (error) {
    row.core = error.message;
    failed = true;
  }
}

console.log('\n| runtime | version | core script | driver | tests |');
console.log('|---|---|---|---|---|');
for (const { runtime, version, core, driver, tests } of rows) {
  console.log(
    `| ${runtime} | ${version} | ${core} | ${driver} | ${tests || '-'} |`,
  );
}
process.exit(failed ? 1 : 0);
