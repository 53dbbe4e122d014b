// A test file that leaves queues open: Jest ends all the same, in every way it
// runs tests.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from '../support/built-package.js';
import { onLinux } from '../support/fds.js';

const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));

beforeAll(async () => {
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'jest.config.json'), '{}');
  const program = join(root, '__tests__/fixtures/crash/jest.cjs');
  for (const name of ['one', 'two', 'waiting']) {
    const line = `require(${JSON.stringify(program)})(${name === 'waiting'});`;
    writeFileSync(join(folder, `${name}.test.js`), line);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

const command = join(root, 'node_modules/jest/bin/jest.js');

for (const [how, files, options] of [
  ['in band', ['one', 'two'], ['--runInBand']],
  ['in processes of their own', ['one', 'two'], ['--maxWorkers=2']],
  [
    'though they keep the process alive',
    ['waiting'],
    ['--runInBand', '--forceExit'],
  ],
] as const) {
  onLinux(`Jest exits although tests leave queues open ${how}`, async () => {
    const names = files.map((file) => `${file}.test.js`);
    const args = [
      command,
      '--config',
      'jest.config.json',
      ...options,
      ...names,
    ];
    const { status, stderr } = await run(process.execPath, args, folder);
    expect([status, stderr]).toEqual([
      0,
      expect.stringContaining(`${files.length} passed, ${files.length} total`),
    ]);
  });
}
