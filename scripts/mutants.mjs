// `npm run mutants -- --sample 20 --seed 1`: changes the source at random places,
// one at a time, in a copy of the checkout, and runs the tests that import the
// changed file, the quick ones first. If no test notices a change, then either
// it changes nothing that a user can see, or a promise has no test.
//
//   --sample N    how many changes (20)
//   --seed N      which ones: the same number gives the same changes (1)
//   --files GLOB  a part of the paths to choose from (src/linux, src/queue)
//   --seconds N   the longest time for all of them (1800)
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    sample: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    files: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '1800' },
  },
});
const parts = values.files ?? ['src/linux', 'src/queue'];

const SWAPS = new Map([
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.LessThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '<'],
  [ts.SyntaxKind.GreaterThanToken, '>='],
  [ts.SyntaxKind.GreaterThanEqualsToken, '>'],
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
  [ts.SyntaxKind.PlusToken, '-'],
  [ts.SyntaxKind.MinusToken, '+'],
  [ts.SyntaxKind.AmpersandToken, '|'],
  [ts.SyntaxKind.BarToken, '&'],
  [ts.SyntaxKind.QuestionQuestionToken, '&&'],
]);

/** Every change of one file: its position and its replacement. */
function changesOf(file) {
  const text = readFileSync(join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const changes = [];
  const add = (node, by) =>
    changes.push({ file, start: node.getStart(source), end: node.end, by });
  const visit = (node) => {
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node)) return;
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) {
      return;
    }
    if (ts.isBinaryExpression(node) && SWAPS.has(node.operatorToken.kind)) {
      add(node.operatorToken, SWAPS.get(node.operatorToken.kind));
    } else if (ts.isIfStatement(node) || ts.isConditionalExpression(node)) {
      const test = node.expression ?? node.condition;
      add(test, `!(${test.getText(source)})`);
    } else if (node.kind === ts.SyntaxKind.TrueKeyword) add(node, 'false');
    else if (node.kind === ts.SyntaxKind.FalseKeyword) add(node, 'true');
    else if (
      ts.isExpressionStatement(node) &&
      ts.isCallExpression(node.expression) &&
      node.expression.expression.kind !== ts.SyntaxKind.SuperKeyword
    ) {
      add(node, ';');
    } else if (ts.isNumericLiteral(node) && /^\d$/.test(node.text)) {
      add(node, String(Number(node.text) + 1));
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return changes;
}

/** A generator of numbers from 0 to 1 that a seed repeats. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const all = parts
  .flatMap((part) =>
    readdirSync(join(root, part), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${part}/${name}`,
    ),
  )
  .filter((file) => file.endsWith('.ts'))
  .sort()
  .flatMap(changesOf);

const next = random(Number(values.seed));
const sample = [];
while (sample.length < Number(values.sample) && all.length > 0) {
  sample.push(...all.splice(Math.floor(next() * all.length), 1));
}

const copy = mkdtempSync(join(tmpdir(), 'kqueue-ffi-mutants-'));
// Some tests drop the privileges of root, and then still read the package.
chmodSync(copy, 0o755);
process.on('exit', () => rmSync(copy, { recursive: true, force: true }));
for (const name of readdirSync(root)) {
  if (name === 'node_modules') {
    symlinkSync(join(root, name), join(copy, name));
  } else if (name !== '.git') {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
}

/** Run a program in the copy, and end everything that it started. */
function run(seconds, ...args) {
  const { pid, status, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    env: { ...process.env, KQUEUE_FFI_KEEP_DIST: '1' },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    detached: true,
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
  });
  try {
    // A worker of Jest that loops forever outlives Jest.
    process.kill(-pid, 'SIGKILL');
  } catch {}
  return { status, stderr };
}

/** Run the tests that import a file; what noticed that it has changed, if any. */
function noticedBy(file, seconds) {
  const built = run(60, 'node_modules/tsup/dist/cli-default.js', '--silent');
  if (built.status !== 0) return 'the build';
  const tests = run(
    seconds,
    'node_modules/jest/bin/jest.js',
    '--findRelatedTests',
    file,
    '--bail',
    '--silent',
    '--testSequencer=./__tests__/support/quick-first.cjs',
    // They are about the package, and not about the source.
    '--testPathIgnorePatterns=/package/|/docs/|/soak/soak|/support/|/fixtures/',
  );
  if (tests.status === 0) return undefined;
  return /^FAIL (\S+)/m.exec(tests.stderr)?.[1] ?? 'a test that hangs';
}

const began = Date.now();
const fault = noticedBy('src/linux/index.ts', 900);
if (fault) throw new Error(`Without a change ${fault} fails already`);
/** Twice as long as without a change: a test that hangs has noticed it. */
const longest = (2 * (Date.now() - began)) / 1000;

const until = Date.now() + Number(values.seconds) * 1000;
let tried = 0;
let seen = 0;
for (const { file, start, end, by } of sample) {
  if (Date.now() > until) break;
  const target = join(copy, file);
  const text = readFileSync(target, 'utf8');
  writeFileSync(target, text.slice(0, start) + by + text.slice(end));
  const test = noticedBy(file, longest);
  writeFileSync(target, text);
  tried++;
  if (test) seen++;
  const line = text.slice(0, start).split('\n').length;
  const was = text.slice(start, end).replaceAll(/\s+/g, ' ');
  console.log(
    `${test ? 'seen    ' : 'SURVIVED'}  ${file}:${line}  ${was.slice(0, 60)}  ->  ${by.slice(0, 60)}${test ? `  (${test})` : ''}`,
  );
}
console.log(
  `${tried} of ${sample.length} changes tried, ${seen} noticed (${Math.round((100 * seen) / Math.max(tried, 1))} %), seed ${values.seed}.`,
);
