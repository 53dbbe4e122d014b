// Calls that find nothing to do leave nothing to collect: a loop may make
// millions of them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';
import { canStub, stubLibrary } from '../support/stub-library.js';

/** Less than the smallest object: no call allocates. */
const MOST = 8;

// A nursery so large that nothing is collected while it is counted.
const flags = [
  '--expose-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
];

/** Bytes per call that a program measures. */
async function bytes(
  program: string,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const [result] = await printedBy('linux/garbage', program, { flags, env });
  return Number(result);
}

test('the measurement detects a single small object', async () => {
  const object = await bytes('object');
  expect(object).toBeGreaterThan(MOST);
  expect(object).toBeLessThan(40);
  const none = await bytes('nothing');
  expect(none).toBeLessThan(MOST);
});

onLinux('an idle poll allocates nothing', async () => {
  expect(await bytes('idlePoll')).toBeLessThan(MOST);
});

onLinux('a change in a list allocates nothing', async () => {
  expect(await bytes('changeFromList')).toBeLessThan(MOST);
});

test('reading the fields of events allocates nothing', async () => {
  expect(await bytes('fields')).toBeLessThan(MOST);
});

describe('through the FFI', () => {
  let folder: string;
  let env: Record<string, string>;
  const withStub = gate(canStub, 'no library can be made for this host');

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
    const library = join(folder, 'libstub.so');
    writeFileSync(library, stubLibrary());
    env = { KQUEUE_FFI_LIBRARY: library, KQUEUE_FFI_ABI: 'freebsd' };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  withStub('a call with lists and a timeout allocates nothing', async () => {
    expect(await bytes('callThroughFfi', env)).toBeLessThan(MOST);
  });

  withStub('a change as an object allocates only the object', async () => {
    expect(await bytes('changeFromObject', env)).toBeLessThan(MOST);
  });
});
