// The handle of the event loop ends the process where it cannot be made, and
// where a descriptor is closed under it. None of that comes from this library.
import { fstatSync } from 'node:fs';
import { join } from 'node:path';
import { exitsOfProcess } from '../../src/ffi/exits.js';
import * as nativeKoffi from '../../src/ffi/koffi.js';
import { pollWatch } from '../../src/ffi/loop-poll.js';
import { close, Kqueue, kqueue } from '../../src/index.js';
import { descriptors, isolate } from '../conformance/world.js';
import { type Outcome, root, run } from '../support/built-package.js';
import { onLinux } from '../support/fds.js';

jest.mock('../../src/ffi/koffi.js', () => {
  const actual = jest.requireActual('../../src/ffi/koffi.js');
  return { koffi: jest.fn(actual.koffi) };
});

const real: typeof nativeKoffi = jest.requireActual('../../src/ffi/koffi.js');

isolate();
afterEach(() => {
  jest.mocked(nativeKoffi.koffi).mockImplementation(real.koffi);
});

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));
const soon = { filter: 'timer', id: 1, after: 1 } as const;

onLinux(
  'close() of the descriptor of a queue ends its pending waits',
  async () => {
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
  },
);

onLinux(
  'close() of a reused descriptor does not close the former queue',
  () => {
    const kq = new Kqueue();
    const { fd } = kq;
    kq.close();
    expect(kqueue()).toBe(fd);
    close(fd);
    expect(() => close(fd)).toThrow('EBADF');
  },
);

/** Let `koffi.node.poll` be something else. */
function replacePoll(poll: (...args: never[]) => unknown): void {
  const koffi = real.koffi();
  const node = { ...koffi.node, poll };
  jest
    .mocked(nativeKoffi.koffi)
    .mockReturnValue({ ...koffi, node } as unknown as typeof koffi);
}

/** All test files of a process share the functions. Others may go meanwhile. */
const newActs = (before: ReadonlySet<unknown>): unknown[] =>
  [...exitsOfProcess().acts].filter((act) => !before.has(act));

onLinux('polls a queue if no poll handle is available', async () => {
  const acts = new Set(exitsOfProcess().acts);
  const before = descriptors();
  replacePoll(() => {
    throw new Error('no handle');
  });
  const kq = new Kqueue();
  kq.add(soon);
  expect(await kq.next({ timeout: 10_000 })).toMatchObject({ id: 1 });
  expect(newActs(acts)).toEqual([]);
  kq.close();
  expect(descriptors()).toEqual(before);
});

onLinux('closing the last queue leaves nothing open', async () => {
  const acts = new Set(exitsOfProcess().acts);
  const before = descriptors();
  const queues = [new Kqueue(), new Kqueue()];
  for (const kq of queues) kq.add(soon);
  for (const kq of queues) {
    expect(await kq.next({ timeout: 10_000 })).toMatchObject({ id: 1 });
  }
  for (const kq of queues) kq.close();
  expect(newActs(acts)).toEqual([]);
  expect(descriptors()).toEqual(before);
});

onLinux('replaces a poll handle that reports an error', async () => {
  const made: ((status: number) => void)[] = [];
  const koffi = real.koffi();
  replacePoll((fd: number, options: object, call: (n: number) => void) => {
    made.push(call);
    return koffi.node.poll(fd, options, call as never);
  });
  const kq = new Kqueue();
  const next = kq.next({ timeout: 10_000 });
  for (let turns = 0; made.length === 0 && turns < 100; turns++) await turn();
  made[0]?.(-9);
  expect(made).toHaveLength(2);
  kq.add(soon);
  expect(await next).toMatchObject({ id: 1 });
  kq.close();
});

describe('a poll handle of a native kernel', () => {
  const handle = { start: jest.fn(), stop: jest.fn(), close: jest.fn() };
  const calls: ((status: number) => void)[] = [];

  beforeEach(() => {
    jest.clearAllMocks();
    calls.length = 0;
    replacePoll((_fd: number, _options: object, call: (n: number) => void) => {
      calls.push(call);
      return { ...handle, ref() {}, unref() {} };
    });
  });

  const nextLook = (start: (listener: () => void) => void): Promise<void> =>
    new Promise((resolve) => start(resolve));

  test('is not created while the event loop would be refused', async () => {
    let fits = false;
    const watch = pollWatch(5, () => fits);
    await nextLook((listener) => watch.start(listener, true));
    expect(calls).toHaveLength(0);
    fits = true;
    watch.rest();
    watch.start(() => {}, true);
    expect(calls).toHaveLength(1);
    watch.close();
    expect(handle.close).toHaveBeenCalledTimes(1);
  });

  test('is tested again before it is started again', async () => {
    let fits = true;
    const watch = pollWatch(5, () => fits);
    watch.start(() => {}, true);
    watch.rest();
    fits = false;
    await nextLook((listener) => watch.start(listener, true));
    expect(handle.start).not.toHaveBeenCalled();
    watch.close();
  });

  test('that reports EBADF is not used again, and the wait continues', async () => {
    const watch = pollWatch(5, () => true);
    await nextLook((listener) => {
      watch.start(listener, true);
      calls[0]?.(-9);
    });
    expect(handle.stop).toHaveBeenCalledTimes(1);
    watch.close();
  });
});

const fixture = (name: string, ...args: string[]): Promise<Outcome> =>
  run(process.execPath, [join(root, '__tests__/fixtures/loop', name), ...args]);

const survived = [
  ['40 queues on three numbers of one terminal', 'one-terminal.cjs', '40\n'],
  [
    '150 numbers of a pipe in a waiting queue',
    'grow-while-waiting.cjs',
    'read\n',
  ],
  ['200 queues on one pipe', 'one-pipe.cjs', '200\n'],
  [
    'a waiting queue closed by other code',
    'close-behind.cjs',
    'EBADF\ntimer\n',
  ],
] as const;

for (const [what, file, stdout] of survived) {
  onLinux(`the process survives ${what}`, async () => {
    expect(await fixture(file)).toEqual({ stdout, stderr: '', status: 0 });
  });
}

const ways = ['close', 'take'].flatMap((how) =>
  ['now', 'later'].flatMap((when) =>
    ['one', 'both'].map((which) => [how, when, which]),
  ),
);

onLinux(
  'loses no event if other code reuses the descriptors of the epoll',
  async () => {
    const outcomes = await Promise.all(
      ways.map((way) => fixture('lost-epoll.cjs', ...way)),
    );
    const expected = { stdout: '1\n2\n', stderr: '', status: 0 };
    for (const [i, outcome] of outcomes.entries()) {
      expect([ways[i], outcome]).toEqual([ways[i], expected]);
    }
  },
);

onLinux(
  'a wait reports events after an internal descriptor was closed',
  async () => {
    const { stdout, status } = await fixture('lost-part.cjs');
    const filters: string[] = JSON.parse(stdout);
    expect(filters.length).toBeGreaterThanOrEqual(3);
    expect(new Set(filters)).toEqual(new Set(['read']));
    expect(status).toBe(0);
  },
);
