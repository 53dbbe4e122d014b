// The handle of the event loop ends the process where it cannot be made, and
// where a descriptor is closed under it. None of that comes from this library.
import { fstatSync } from 'node:fs';
import { exitsOfProcess } from '../../src/ffi/exits.js';
import * as nativeKoffi from '../../src/ffi/koffi.js';
import * as check from '../../src/ffi/loop-check.js';
import { close, Kqueue, kqueue } from '../../src/index.js';
import { descriptors, isolate, open, pipe } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

jest.mock('../../src/ffi/loop-check.js', () => {
  const actual = jest.requireActual('../../src/ffi/loop-check.js');
  return { refusedOf: jest.fn(actual.refusedOf) };
});
jest.mock('../../src/ffi/koffi.js', () => {
  const actual = jest.requireActual('../../src/ffi/koffi.js');
  return { koffi: jest.fn(actual.koffi) };
});

const actual: typeof check = jest.requireActual('../../src/ffi/loop-check.js');
const real: typeof nativeKoffi = jest.requireActual('../../src/ffi/koffi.js');

isolate();
afterEach(() => {
  jest.mocked(check.refusedOf).mockImplementation(actual.refusedOf);
  jest.mocked(nativeKoffi.koffi).mockImplementation(real.koffi);
});

type Calls = Parameters<typeof check.refusedOf>[1];
/** Whether one descriptor can be watched. */
const canPoll = (fd: number, calls?: Calls): boolean =>
  check.refusedOf([fd], calls).length === 0;

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));
const soon = { filter: 'timer', id: 1, after: 1 } as const;

onLinux('close() of the descriptor of a queue ends its waits', async () => {
  for (const turns of [0, 1, 3]) {
    const kq = new Kqueue();
    const { fd } = kq;
    const next = kq.next();
    const all = (async () => {
      let count = 0;
      for await (const _ of kq) count++;
      return count;
    })();
    for (let i = 0; i < turns; i++) await turn();
    close(fd);
    expect(kq.closed).toBe(true);
    expect(await next).toBeUndefined();
    expect(await all).toBe(0);
    expect(() => fstatSync(fd)).toThrow('EBADF');
    kq.close();
    expect(() => close(fd)).toThrow('EBADF');
  }
});

onLinux('close() of the number of a queue that was closed is not its', () => {
  const kq = new Kqueue();
  const { fd } = kq;
  kq.close();
  expect(kqueue()).toBe(fd);
  close(fd);
  expect(() => close(fd)).toThrow('EBADF');
});

onLinux('whichever call of the trial fails, there is no handle', () => {
  const [reader] = pipe();
  const before = descriptors();
  const refuse = () => -1;
  expect(canPoll(reader)).toBe(true);
  for (const missing of ['create', 'control'] as const) {
    for (const fails of [refuse, undefined]) {
      const closed: number[] = [];
      const calls = {
        create: () => 1000,
        control: () => 0,
        close: (fd: number) => closed.push(fd),
        [missing]: fails,
      };
      expect(canPoll(reader, calls)).toBe(false);
      // What was made for the trial is closed again.
      expect(closed).toEqual(missing === 'create' ? [] : [1000]);
    }
  }
  expect(descriptors()).toEqual(before);
});

onLinux('what the event loop cannot watch is told from what it can', () => {
  const [reader] = pipe();
  expect(canPoll(reader)).toBe(true);
  expect(canPoll(open(__filename, 'r'))).toBe(false);
  expect(canPoll(2 ** 20)).toBe(false);
  const kq = kqueue();
  expect(canPoll(kq)).toBe(true);
  close(kq);
});

onLinux('a queue that the event loop cannot watch is looked at', async () => {
  jest.mocked(check.refusedOf).mockReturnValue([0]);
  const handles = exitsOfProcess().acts.size;
  const kq = new Kqueue();
  kq.add(soon);
  const next = kq.next({ timeout: 10_000 });
  // There is no handle that would have to be let go of.
  expect(exitsOfProcess().acts.size).toBe(handles);
  expect(await next).toMatchObject(
    expect.objectContaining({ filter: 'timer', id: 1 }),
  );
  kq.close();
});

onLinux('an error of the handle is told to who waits, each time', async () => {
  const koffi = real.koffi();
  const poll = () => {
    throw new Error('no handle');
  };
  const node = { ...koffi.node, poll };
  jest.mocked(nativeKoffi.koffi).mockReturnValue({ ...koffi, node });
  const handles = exitsOfProcess().acts.size;
  const kq = new Kqueue();
  for (let i = 0; i < 2; i++) {
    await expect(kq.next()).rejects.toThrow('no handle');
  }
  expect(exitsOfProcess().acts.size).toBe(handles);
  jest.mocked(nativeKoffi.koffi).mockImplementation(real.koffi);
  kq.add(soon);
  expect(await kq.next({ timeout: 10_000 })).toMatchObject({ id: 1 });
  kq.close();
});
