import { join } from 'node:path';
import { type Outcome, root, run } from '../support/built-package.js';

/** Node runs a `.ts` file as it is where it can strip types. */
const strips = (process.features as { typescript?: unknown }).typescript;
const LOADER = strips ? [] : ['--import', 'tsx'];

/** Run an example against the built package, as a reader would. */
const example = (name: string): Promise<Outcome> =>
  run(process.execPath, [...LOADER, join(root, 'examples', name)]);

const said = (...lines: (string | RegExp)[]) => ({
  status: 0,
  stderr: '',
  stdout: expect.stringMatching(
    new RegExp(
      `^${lines.map((line) => (typeof line === 'string' ? line : line.source)).join('\\n')}\\n$`,
    ),
  ),
});

test('echo-server.ts sends every byte back, also more than a socket holds', async () => {
  expect(await example('echo-server.ts')).toEqual(
    said(
      'sent 5 bytes, 5 came back',
      'sent 100000 bytes, 100000 came back',
      'sent 10000000 bytes, 10000000 came back',
    ),
  );
}, 40_000);

test('watch-file.ts sees each thing that is done to its file', async () => {
  expect(await example('watch-file.ts')).toEqual(
    said(/.*write.*/, 'attrib', 'rename', /.*delete.*/),
  );
}, 40_000);

test('wait-pid.ts waits for a process that is not a child', async () => {
  expect(await example('wait-pid.ts')).toEqual(
    said(
      /(process exited after \d+ ms|there is no such process)/,
      'again: no such process',
    ),
  );
}, 40_000);

test('debounce.ts deals with each burst once', async () => {
  expect(await example('debounce.ts')).toEqual(
    said('saved after 5 keys', 'saved after 10 keys'),
  );
}, 40_000);

test('wake-worker.ts wakes a thread that sleeps in a system call', async () => {
  expect(await example('wake-worker.ts')).toEqual(
    said('woken with "a"', 'woken with "q"', 'it worked three times'),
  );
}, 40_000);

test('nested.ts takes what is urgent first', async () => {
  expect(await example('nested.ts')).toEqual(
    said('urgent 1', 'bulk 1', 'urgent 2', 'bulk 2', 'urgent 3', 'bulk 3'),
  );
}, 40_000);
