#!/usr/bin/env node
// `npm run report`: everything we want to know of a system that we have not, in one
// file for programs and one for people. It never stops at what fails: that is what
// we want to read of.
//
//   npm run report                    all of it, five minutes
//   npm run report -- doctor core     only these
import { spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch, cpus, homedir, release, tmpdir, type, version } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'reports');
const scratch = mkdtempSync(join(tmpdir(), 'kqueue-ffi-report-'));
const tsx = ['--import', 'tsx'];

/** The steps, and the time limit of each in seconds. */
const STEPS = {
  doctor: {
    args: ['dist/cli.js', 'doctor', '--report', join(scratch, 'doctor.json')],
    limit: 60,
    result: join(scratch, 'doctor.json'),
  },
  core: { args: ['scripts/runtime-core.mjs'], limit: 300 },
  conformance: {
    args: [...tsx, '__tests__/conformance/run.ts', scratch],
    limit: 1200,
    result: scratch,
  },
  loop: { args: [...tsx, 'examples/readiness-loop.ts'], limit: 60 },
};
const MAX_LINES = 400;

/** A text without the name of the home directory. */
const redact = (text) =>
  [
    [root.replace(/\/$/, ''), '.'],
    [homedir(), '~'],
  ].reduce(
    (said, [path, short]) =>
      path.length < 2 ? said : said.replaceAll(path, short),
    text,
  );

/** Run a step; return its output, its exit status and its duration. */
function run(name, { args, limit }) {
  const begin = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (text) => {
      output += text;
      process.stdout.write(text);
    };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', take);
    }
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, limit * 1000);
    const end = (how) => {
      clearTimeout(timer);
      const lines = redact(output).trimEnd().split('\n').slice(-MAX_LINES);
      const seconds = Math.round((performance.now() - begin) / 100) / 10;
      resolve({ name, ...how, isLate, seconds, lines });
    };
    child.once('error', (error) => end({ ok: false, how: error.message }));
    child.once('close', (code, signal) =>
      end({ ok: code === 0, how: signal ?? `exit code ${code}` }),
    );
  });
}

/** The JSON of a step, if it wrote any. */
function resultOf({ result }) {
  if (result === undefined) return undefined;
  try {
    const file = result.endsWith('.json')
      ? result
      : join(
          result,
          readdirSync(result).find((name) =>
            /^conformance.*\.json$/.test(name),
          ),
        );
    return JSON.parse(redact(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

const FENCE = '```';

function page({ system, steps }) {
  const rows = steps.map(
    ({ name, ok, how, isLate, seconds }) =>
      `| ${name} | ${ok ? 'passed' : `**failed**: ${isLate ? 'no end' : how}`} | ${seconds} s |`,
  );
  const texts = steps.map(
    ({ name, lines }) =>
      `## ${name}\n\n${FENCE}text\n${lines.join('\n')}\n${FENCE}\n`,
  );
  return [
    `# kqueue-ffi on ${system.type} ${system.release}, ${system.arch}`,
    '',
    `${system.runtime}, ${system.cpu}. ${system.date}.`,
    '',
    '| step | result | time |',
    '|---|---|---|',
    ...rows,
    '',
    ...texts,
  ].join('\n');
}

const selected = process.argv.slice(2);
const unknown = selected.find((name) => !Object.hasOwn(STEPS, name));
if (unknown !== undefined) {
  console.error(
    `report: no step ${unknown}; there are ${Object.keys(STEPS).join(', ')}`,
  );
  process.exit(2);
}
const steps = [];
for (const name of selected.length > 0 ? selected : Object.keys(STEPS)) {
  console.log(`--- ${name}`);
  const step = await run(name, STEPS[name]);
  steps.push({ ...step, result: resultOf(STEPS[name]) });
}
rmSync(scratch, { recursive: true, force: true });

const { bun, deno, node } = process.versions;
const system = {
  type: type(),
  release: release(),
  version: version(),
  arch: arch(),
  cpu: cpus()[0]?.model ?? 'unknown',
  runtime: bun ? `Bun ${bun}` : deno ? `Deno ${deno}` : `Node.js ${node}`,
  date: new Date().toISOString().slice(0, 10),
};
const report = { kind: 'report', system, steps };
mkdirSync(out, { recursive: true });
writeFileSync(
  join(out, 'report.json'),
  `${JSON.stringify(report, undefined, 2)}\n`,
);
writeFileSync(join(out, 'report.md'), page(report));

const failed = steps.filter(({ ok }) => !ok).map(({ name }) => name);
console.log(`
${failed.length === 0 ? 'Everything passed.' : `Failed: ${failed.join(', ')}.`} The report is in reports/report.md and reports/report.json.
Please read it, then open an issue with the template "Report from another system"
and attach both. They name this system and its releases, and ~ for your home.`);
process.exitCode = failed.length === 0 ? 0 : 1;
