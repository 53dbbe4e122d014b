// Calls that find nothing to do leave nothing to collect: a loop may make
// millions of them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { printed } from '../support/child.js';
import { onLinux } from '../support/fds.js';
import { canStub, stubLibrary } from '../support/stub-library.js';

const CALLS = 100_000;
/** Less than the smallest object: no call allocates. */
const MOST = 8;

// A nursery so large that nothing is collected while it is counted.
const flags = [
  '--expose-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
];

/** Bytes per call of `act`, the least of some rounds. */
const MEASURE = `
const bytesPerCall = (act) => {
  for (let i = 0; i < 20000; i++) act();
  let least = Infinity;
  // On a busy machine it takes V8 a while to compile what is called so often.
  for (let round = 0; round < 40 && least > 1; round++) {
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < ${CALLS}; i++) act();
    const after = process.memoryUsage().heapUsed;
    least = Math.min(least, (after - before) / ${CALLS});
  }
  return least;
};
const list = new api.KeventList(64);
`;

async function bytes(
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const [result] = await printed(MEASURE + script, { flags, env });
  return Number(result);
}

test('the measurement itself sees a single small object', async () => {
  const kept = 'let kept;';
  const object = await bytes(
    `${kept} print(bytesPerCall(() => { kept = { a: 1 }; }));`,
  );
  expect(object).toBeGreaterThan(MOST);
  expect(object).toBeLessThan(40);
  const none = await bytes(`${kept} print(bytesPerCall(() => { kept = 1; }));`);
  expect(none).toBeLessThan(MOST);
});

const IDLE = `
const { createServer } = require('node:net');
const kq = api.kqueue();
const server = createServer().listen(0, '127.0.0.1', () => {
  const { EV_ADD } = api;
  api.kevent(kq, [
    { ident: server._handle.fd, filter: api.EVFILT_READ, flags: EV_ADD },
    { ident: 1, filter: api.EVFILT_TIMER, flags: EV_ADD, data: 600000 },
    { ident: 1, filter: api.EVFILT_USER, flags: EV_ADD },
  ], null);
  run();
  api.close(kq);
  server.close();
});
`;

onLinux('an idle poll makes no garbage', async () => {
  const run =
    'const run = () => print(bytesPerCall(() => api.kevent(kq, null, list, 0)));';
  expect(await bytes(run + IDLE)).toBeLessThan(MOST);
});

onLinux('a change given as a list makes no garbage', async () => {
  const run = `
    const trigger = api.KeventList.of({ ident: 1, filter: api.EVFILT_USER, flags: api.EV_DISABLE });
    const run = () => print(bytesPerCall(() => api.kevent(kq, trigger, null)));`;
  expect(await bytes(run + IDLE)).toBeLessThan(MOST);
});

test('reading the fields of events makes no garbage', async () => {
  const script = `
    const event = { ident: 7, filter: -1, flags: 1, fflags: 0x7fffffff, data: -8, udata: 9 };
    const events = api.KeventList.of(event, event, event);
    let wrong = 0;
    print(bytesPerCall(() => {
      for (let i = 0; i < events.length; i++) {
        if (events.ident(i) !== 7 || events.filter(i) !== -1) wrong++;
        if (events.flags(i) !== 1 || events.fflags(i) !== 0x7fffffff) wrong++;
        if (events.data(i) !== -8 || events.udata(i) !== 9) wrong++;
      }
    }));
    if (wrong > 0) throw new Error('wrong');`;
  expect(await bytes(script)).toBeLessThan(MOST);
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

  withStub('a call makes no garbage, with lists and a timeout', async () => {
    const script = `
      const changes = api.KeventList.of({ ident: 1, filter: api.EVFILT_READ });
      print(bytesPerCall(() => api.kevent(3, changes, list, 0)));`;
    expect(await bytes(script, env)).toBeLessThan(MOST);
  });

  withStub(
    'a change given as an object costs no more than the object',
    async () => {
      const script = `
      const { EVFILT_READ } = api;
      const changes = [{ ident: 1, filter: EVFILT_READ }];
      print(bytesPerCall(() => api.kevent(3, changes, null)));`;
      expect(await bytes(script, env)).toBeLessThan(MOST);
    },
  );
});
