// A manual publish passes the checks of the release workflow.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, root, run } from '../support/built-package.js';

const { scripts } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as { scripts: Record<string, string> };

/** A package that may be published. */
const FIELDS = {
  name: 'kqueue-ffi',
  version: '1.2.3',
  repository: 'https://example.org/repository',
  homepage: 'https://example.org/',
  bugs: 'https://example.org/bugs',
};
const CHANGELOG = '## [1.2.3] - 2026-01-31\n';

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'kqueue-ffi-')));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const git = async (...args: string[]): Promise<void> => {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
  const config = ['-c', 'commit.gpgsign=false', '-c', 'tag.gpgsign=false'];
  const outcome = await run('git', [...identity, ...config, ...args], folder);
  expect(outcome).toMatchObject({ status: 0 });
};

/** Commit and tag a package, and run the release checks. */
async function check({
  fields = {},
  changelog = CHANGELOG,
  tag = 'v1.2.3',
  uncommitted = '',
}): Promise<Outcome> {
  const manifest = JSON.stringify({ ...FIELDS, ...fields });
  writeFileSync(join(folder, 'package.json'), manifest);
  writeFileSync(join(folder, 'CHANGELOG.md'), changelog);
  mkdirSync(join(folder, 'scripts'));
  const script = 'scripts/release-check.sh';
  copyFileSync(join(root, script), join(folder, script));
  await git('init', '--quiet');
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'release');
  await git('tag', tag);
  writeFileSync(join(folder, 'CHANGELOG.md'), changelog + uncommitted);
  return run('sh', [script], folder);
}

test('npm publish runs the release checks', () => {
  expect(scripts.prepublishOnly).toBe('scripts/release-check.sh');
});

test('a tagged commit with a dated changelog may be published', async () => {
  expect(await check({})).toMatchObject({ stderr: '', status: 0 });
});

test.each([
  ['another tag', { tag: 'v1.2.2' }, 'no tag v1.2.3'],
  ['no date', { changelog: '## [1.2.3] - unreleased\n' }, 'CHANGELOG.md'],
  ['changes', { uncommitted: 'more\n' }, 'not committed'],
  ['no repository', { fields: { repository: undefined } }, "'repository'"],
  ['no address for bugs', { fields: { bugs: undefined } }, "'bugs'"],
])('a commit with %s may not', async (_, what, message) => {
  const { stderr, status } = await check(what);
  expect(status).toBe(1);
  expect(stderr).toContain(`release-check: `);
  expect(stderr).toContain(message);
  expect(stderr).toContain("see 'Releasing' in CONTRIBUTING.md");
});
