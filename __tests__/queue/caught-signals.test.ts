// `catch: true` of a signal: the same on a kernel that only counts signals, as
// that of macOS, and on the one that is built in.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { printedBy, runProgram } from '../support/child.js';
import { canStub, stubLibrary } from '../support/stub-library.js';

const withStub = gate(canStub, 'no library can be made for this host');
const FILE = 'queue/caught-signals';

let folder: string;
const env = () => ({
  KQUEUE_FFI_LIBRARY: join(folder, 'libstub.so'),
  KQUEUE_FFI_ABI: 'darwin',
});

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'stub-'));
  if (canStub) writeFileSync(join(folder, 'libstub.so'), stubLibrary());
});
afterAll(() => rmSync(folder, { recursive: true }));

withStub('a signal is caught while it is registered', async () => {
  expect(await printedBy(FILE, 'lives', { env: env() })).toEqual([
    [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0],
  ]);
});

withStub(
  'a worker may count signals, and is refused to catch one',
  async () => {
    expect(await printedBy(FILE, 'worker', { env: env() })).toEqual([
      ['none', 'ERR_KQUEUE_UNSUPPORTED', 'ERR_KQUEUE_UNSUPPORTED', 0],
    ]);
  },
);

withStub('a signal that cannot be caught is refused', async () => {
  expect(await printedBy(FILE, 'refused', { env: env() })).toEqual([
    ['RangeError', 'RangeError', 'TypeError', 'RangeError', 0],
    expect.stringMatching(/ as 'signal' .* received "SIGKILL"$/),
    expect.stringMatching(/ as 'signal' .* received 1000$/),
    ['ERR_KQUEUE_CLOSED', 0],
  ]);
});

withStub(
  'a caught signal does not end the process until the queue is closed',
  async () => {
    const { stdout, status } = await runProgram(FILE, 'survives', {
      env: env(),
    });
    expect(stdout).toBe('"alive"\n');
    expect(['SIGHUP', 129]).toContain(status);
  },
);

withStub('a garbage-collected queue stops catching', async () => {
  const flags = ['--expose-gc', '--no-warnings'];
  expect(await printedBy(FILE, 'collected', { env: env(), flags })).toEqual([
    0,
  ]);
});

withStub('signals() catches its signals', async () => {
  const lines = await printedBy(FILE, 'helper', { env: env() });
  expect(lines).toEqual([true, 0]);
});

test('a one-shot signal is no longer caught after it was reported', async () => {
  expect(await printedBy(FILE, 'oneshot')).toEqual([['SIGHUP', 1, 0, 0]]);
});

test('a queue that other code closed stops catching', async () => {
  expect(await printedBy(FILE, 'lost')).toEqual([['EBADF', 0]]);
});
