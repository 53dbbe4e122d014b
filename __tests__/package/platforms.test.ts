// The platforms that `npm run test:platforms` emulates need downloads: here is
// what can be known of its scripts without one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { mustRun, root, run } from '../support/built-package.js';

const script = join(root, 'scripts/test-platforms.mjs');

test('rejects an unknown platform with a list of the known ones', async () => {
  const { status, stderr } = await run(process.execPath, [script, 'pdp11']);
  expect(status).toBe(2);
  expect(stderr).toMatch(
    /^There is no pdp11; there are linux-5\.10, .*refusals/,
  );
});

test('the pages list the runs on each platform', async () => {
  const { stderr } = await run(process.execPath, [script, 'pdp11']);
  const words = /there are (.*)\.$/m.exec(stderr)?.[1]?.split(', ') ?? [];
  expect(words.length).toBeGreaterThan(5);
  const page = readFileSync(join(root, 'docs/runtimes.md'), 'utf8');
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  expect(words.filter((word) => !page.includes(word))).toEqual([]);
  expect(readme).toContain('npm run test:platforms');
});

gate(process.platform === 'linux', 'the refusal is that of Linux')(
  'refuses a 32-bit CPU with the message that emulated runs expect',
  async () => {
    const mock = `Object.defineProperty(process, 'arch', { value: 'arm' });`;
    const preload = `data:text/javascript,${encodeURIComponent(mock)}`;
    const guest = join(root, 'scripts/platforms/guest/refusal.mjs');
    const { stdout } = await mustRun(process.execPath, [
      '--import',
      preload,
      guest,
    ]);
    expect(stdout).not.toContain('FAILED');
  },
);
