#!/usr/bin/env node
// Run this package on platforms that are not at hand, by emulation. Prints a
// table; fails if anything failed, or if nothing could be run.
//
//   npm run test:platforms                        all of them
//   npm run test:platforms -- musl linux-5.10     these only
//   npm run test:platforms -- --suites            also what takes many minutes
//
// Downloads come from the Debian mirror and the npm registry that the machine
// is set up with, and are kept in KQUEUE_FFI_PLATFORMS: see platforms/cache.mjs.
// It needs root. What else is missing is named, and its platforms are skipped.
import process from 'node:process';
import { parseArgs } from 'node:util';
import * as foreignCpus from './platforms/foreign-cpus.mjs';
import * as musl from './platforms/musl.mjs';
import * as olderKernels from './platforms/older-kernels.mjs';
import * as refusals from './platforms/refusals.mjs';
import { isInstalled } from './platforms/run.mjs';

const PLATFORMS = [
  ...olderKernels.platforms,
  ...musl.platforms,
  ...foreignCpus.platforms,
  ...refusals.platforms,
];

/** The argument: a platform, or a group of platforms. */
const wordFor = ({ name, group = name }) => group;
const words = [...new Set(PLATFORMS.map(wordFor))];
const { values, positionals } = parseArgs({
  options: { suites: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const selected = positionals.length > 0 ? positionals : words;
for (const word of selected) {
  if (!words.includes(word)) {
    console.error(`There is no ${word}; there are ${words.join(', ')}.`);
    process.exit(2);
  }
}

/** Why a platform cannot be tried on this machine, if so. */
function obstacle({ needs, isPossible }) {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid() !== 0) return 'it needs root';
  const missing = Object.entries(needs)
    .filter(([command]) => !isInstalled(command))
    .map(([, debianPackage]) => debianPackage);
  if (missing.length > 0) return `apt-get install ${missing.join(' ')}`;
  return isPossible?.();
}

async function rowOf(platform) {
  const why = obstacle(platform);
  if (why !== undefined) return { checks: `skipped: ${why}`, isSkipped: true };
  try {
    return await platform.check(values);
  } catch (error) {
    return { ok: false, checks: 'failed', reasons: [error.message] };
  }
}

const rows = [];
for (const platform of PLATFORMS) {
  if (!selected.includes(wordFor(platform))) continue;
  const { name } = platform;
  console.log(`# ${name}`);
  const start = performance.now();
  const row = await rowOf(platform);
  const seconds = Math.round((performance.now() - start) / 1000);
  rows.push({ name, seconds, ...row });
  console.log(row.checks);
  for (const reason of row.reasons ?? []) console.log(`  ${reason}`);
  if (!row.ok && row.out !== undefined) console.log(row.out);
}

const date = new Date().toISOString().slice(0, 10);
console.log(
  '\n| platform | kernel | runtime | libc | checks | seconds | date |',
);
console.log('|---|---|---|---|---|---|---|');
for (const { name, kernel, runtime, libc, checks, seconds } of rows) {
  const cells = [name, kernel, runtime, libc, checks, seconds, date];
  console.log(`| ${cells.map((cell) => cell ?? '-').join(' | ')} |`);
}
const ran = rows.filter(({ isSkipped }) => !isSkipped);
process.exit(ran.length > 0 && ran.every(({ ok }) => ok) ? 0 : 1);
