// `npm run conformance`: puts the kernel in use through the whole suite, prints
// a table per section, and writes it as JSON and as a page of the docs. Each
// file of tests is a process of its own, so that a library that crashes or
// hangs loses one test, not the run.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { kernel } from '../../src/index.js';
import type { Note } from './journal.js';
import { page, type Report, type Result, reportOf, table } from './report.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const jest = createRequire(import.meta.url).resolve('jest/bin/jest');
const out = process.argv[2] ?? join(root, 'docs');

/** A file of tests may take this long to compile on a busy machine. */
const START_MS = 180_000;
/** A test that is silent for this long hangs. */
const SILENCE_MS = 30_000;
/** After so many tests of one file brought it down, the rest is given up. */
const MOST_FATAL = 40;
const AT_ONCE = 2;

interface Answer {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const files = [
  ...readdirSync(here)
    .filter((name) => name.endsWith('.test.ts') && name !== 'coverage.test.ts')
    .map((name) => join(here, name)),
  join(here, '../model/sequences.test.ts'),
].sort();

const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
const results: Result[] = [];
const findings: NonNullable<Note['finding']>[] = [];

const literally = (text: string): string =>
  text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Wait for a process, or for the journal to fall silent. */
function ended(child: ChildProcess, journal: string): Promise<string> {
  let last = performance.now();
  let size = 0;
  let isSilent = false;
  const watch = setInterval(() => {
    const now = statSync(journal).size;
    if (now !== size) {
      size = now;
      last = performance.now();
    } else if (
      performance.now() - last >
      (size === 0 ? START_MS : SILENCE_MS)
    ) {
      isSilent = true;
      child.kill('SIGKILL');
    }
  }, 500);
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearInterval(watch);
      resolve(isSilent ? 'hangs' : `ends the process (${signal ?? code})`);
    });
  });
}

function notes(journal: string): Note[] {
  const lines = readFileSync(journal, 'utf8').split('\n').filter(Boolean);
  return lines.map((line): Note => JSON.parse(line));
}

/** The first lines of what went wrong. */
const brief = (message: string): string =>
  stripVTControlCharacters(message)
    .split('\n')
    .filter((text) => text.trim() !== '' && !/^\s+at /.test(text))
    .slice(0, 12)
    .join('\n')
    .replaceAll(root, '.');

/** Run a file of tests, leaving out those that brought it down before. */
async function run(file: string, n: number): Promise<void> {
  const name = relative(here, file);
  const fatal = new Map<string, string>();
  const answerPath = join(folder, `${n}.json`);
  const journal = join(folder, `${n}.log`);
  for (;;) {
    rmSync(answerPath, { force: true });
    writeFileSync(journal, '');
    const but = [...fatal.keys()].map(literally).join('|');
    const child = spawn(
      process.execPath,
      [
        jest,
        '--runInBand',
        '--json',
        `--outputFile=${answerPath}`,
        `--setupFilesAfterEnv=${join(here, 'journal-setup.ts')}`,
        '--forceExit',
        ...(but === '' ? [] : [`--testNamePattern=^(?!(?:${but})$)`]),
        '--runTestsByPath',
        file,
      ],
      {
        cwd: root,
        env: { ...process.env, KQUEUE_FFI_JOURNAL: journal },
        stdio: 'ignore',
      },
    );
    const how = await ended(child, journal);
    const lines = notes(journal);
    if (existsSync(answerPath)) {
      const answer: Answer = JSON.parse(readFileSync(answerPath, 'utf8'));
      for (const { finding } of lines) if (finding) findings.push(finding);
      take(name, answer, fatal);
      return;
    }
    const finished = new Set(lines.map(({ ended }) => ended));
    const culprit = lines
      .map(({ started }) => started)
      .filter((title) => title !== undefined && !finished.has(title))
      .at(-1);
    if (culprit === undefined || fatal.size === MOST_FATAL) {
      const why = culprit === undefined ? how : 'too many end the process';
      results.push(failed(name, `the tests of ${name}`, why));
      for (const [title, why] of fatal) results.push(failed(name, title, why));
      return;
    }
    fatal.set(culprit, how);
  }
}

const failed = (file: string, title: string, message: string): Result => ({
  file,
  title,
  status: 'failed',
  message,
});

function take(
  file: string,
  answer: Answer,
  fatal: ReadonlyMap<string, string>,
): void {
  for (const { message, assertionResults } of answer.testResults) {
    if (assertionResults.length === 0) {
      results.push(failed(file, `the tests of ${file}`, brief(message)));
    }
    for (const {
      fullName,
      title,
      status,
      failureMessages,
    } of assertionResults) {
      const how = fatal.get(fullName);
      if (how !== undefined) results.push(failed(file, title, `It ${how}.`));
      else if (status === 'passed' || status === 'failed') {
        const message = brief(failureMessages.join('\n'));
        results.push({ file, title, status, message });
      } else results.push({ file, title, status: 'skipped', message: '' });
    }
  }
}

const queue = files.map((file, n) => ({ file, n }));
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      await run(next.file, next.n);
    }
  }),
);
rmSync(folder, { recursive: true });

const report: Report = reportOf(results, findings);
const name =
  kernel.name === 'linux' ? 'conformance' : `conformance-${kernel.name}`;
mkdirSync(out, { recursive: true });
writeFileSync(
  join(out, `${name}.json`),
  `${JSON.stringify(report, undefined, 2)}\n`,
);
writeFileSync(join(out, `${name}.md`), page(report));
console.log(table(report).join('\n'));
for (const { title, message } of report.failures) {
  console.log(`\nfailed: ${title}\n${message}`);
}
if (report.failures.length > 0) process.exitCode = 1;
