// A test file that leaves queues open: Jest ends all the same, in every way it
// runs tests.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, run } from '../support/built-package.js';
import { entry, literal } from '../support/child.js';
import { onLinux } from '../support/fds.js';

const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));

const body = (end: string): string => `
  const { Kqueue } = require(${literal(entry)});
  test('leaves queues open', async () => {
    const kq = new Kqueue();
    kq.add({ filter: 'timer', id: 1, every: { us: 200 } });
    await kq.next();
    kq.on(() => {});
    const other = new Kqueue();
    other.next();
    ${end}
  });
`;

beforeAll(async () => {
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'jest.config.json'), '{}');
  const quiet = 'kq.unref(); other.unref();';
  writeFileSync(join(folder, 'one.test.js'), body(quiet));
  writeFileSync(join(folder, 'two.test.js'), body(quiet));
  writeFileSync(join(folder, 'waiting.test.js'), body(''));
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
  onLinux(`tests that leave queues open end well ${how}`, async () => {
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
