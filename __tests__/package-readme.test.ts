import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { install, pack, root, run } from './helpers/built-package.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');

test("the readme's first example runs as it is printed", async () => {
  const code = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const { tarball, folder } = await pack();
  const project = await install(tarball);
  try {
    const file = join(project.folder, 'example.mjs');
    writeFileSync(file, code);
    const running = run(process.execPath, [file], project.folder, 'hello');
    const { stdout, stderr, status } = await running;
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout).toMatch(/ident: 0,/);
    expect(stdout).toMatch(/data: 5,/);
  } finally {
    project.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);

test('every file that the readme links to exists', () => {
  const links = [...readme.matchAll(/\]\(([^)]+)\)/g)].map((link) => link[1]);
  const files = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    expect([file, existsSync(join(root, file))]).toEqual([file, true]);
  }
});

test('the readme and the changelog are about the version of the package', () => {
  const { version } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
  expect(changelog).toContain(`## [${version}]`);
});

test('the continuous integration runs the test line of the readme', () => {
  const line = /^npm ci && npm test/m.exec(readme)?.[0];
  expect(line).toBeDefined();
  const script = readFileSync(join(root, '.ci/run'), 'utf8');
  expect(script.trimEnd().split('\n').at(-1)).toBe(line);
});
