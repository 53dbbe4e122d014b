// A library in place of the kernel. Whether the event loop can watch its queues
// is tested first. A library whose queue numbers are not descriptors of this
// process is polled in intervals.
import { writeSync } from 'node:fs';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import type { Kernel } from '../../src/memory/kernel.js';
import { close, pipe } from '../conformance/libc.js';
import { onLinux, openCount } from '../support/fds.js';

const mocked: { kernel: Kernel | undefined } = { kernel: undefined };

jest.mock('../../src/calls/running-kernel.js', () => {
  const actual = jest.requireActual('../../src/calls/running-kernel.js');
  return {
    ...actual,
    currentKernel: () => mocked.kernel ?? actual.currentKernel(),
  };
});

/** A kernel that numbers its queues itself. */
function kernelOf(number: (kq: number) => number): Kernel {
  const real = createLinuxKernel();
  const queues = new Map<number, number>();
  return {
    facts: real.facts,
    words: real.words,
    width: real.width,
    kqueue() {
      const kq = real.kqueue();
      const given = number(kq);
      if (given >= 0) queues.set(given, kq);
      else real.close(kq);
      return given;
    },
    kevent: (kq, ...rest) => real.kevent(queues.get(kq) ?? -1, ...rest),
    close(fd) {
      const result = real.close(queues.get(fd) ?? fd);
      queues.delete(fd);
      return result;
    },
    errno: () => (errno === 0 ? real.errno() : errno),
  };
}

let errno = 0;
let ends: number[] = [];

/** A fresh copy of the library without test results. */
async function over(
  kernel: Kernel,
): Promise<typeof import('../../src/index.js')> {
  jest.resetModules();
  mocked.kernel = kernel;
  const api = await import('../../src/index.js');
  process.env.KQUEUE_FFI_LIBRARY = 'a library';
  return api;
}

afterEach(() => {
  delete process.env.KQUEUE_FFI_LIBRARY;
  errno = 0;
  for (const fd of ends.splice(0)) close(fd);
});

onLinux('real descriptors are watched by the event loop', async () => {
  const { Kqueue } = await over(kernelOf((kq) => kq));
  using kq = new Kqueue();
  const before = openCount();
  expect([kq.pollable, kq.driver]).toEqual([true, 'poll']);
  expect(openCount()).toBe(before);
});

describe('descriptors that a kernel numbers itself', () => {
  const FREE = 1_000_000;
  let next = 0;
  beforeEach(() => {
    next = 0;
  });

  const inIntervals = async (hasBytes?: boolean): Promise<void> => {
    ends = Array.from({ length: 2 }, () => pipe()).flat();
    const numbers = hasBytes === undefined ? [] : [ends[0], ends[2]];
    if (hasBytes) for (const end of [ends[1], ends[3]]) writeSync(end, 'x');
    const number = () => numbers[next++] ?? FREE + next;
    const { Kqueue, wake } = await over(kernelOf(number));
    using kq = new Kqueue();
    const before = openCount();
    const waker = kq.waker(9, 'woken');
    expect(wake(waker.handle)).toBe(true);
    expect(kq.poll()).toMatchObject([{ id: 9, udata: 'woken' }]);
    waker.close();
    expect(openCount()).toBe(before);
    expect([kq.pollable, kq.driver]).toEqual([false, 'interval']);
    kq.add({ filter: 'timer', id: 1, after: 1, udata: 'timer' });
    expect((await kq.next({ timeout: 5000 }))?.udata).toBe('timer');
  };

  onLinux(
    'that match a readable descriptor of the process are polled in intervals',
    () => inIntervals(true),
  );
  onLinux(
    'that match a quiet descriptor of the process are polled in intervals',
    () => inIntervals(false),
  );
  onLinux(
    'that match no descriptor of the process are polled in intervals',
    () => inIntervals(),
  );
});

onLinux(
  'waits work if the probing queue cannot be created (EMFILE)',
  async () => {
    const EMFILE = 24;
    let isFull = false;
    const kernel = kernelOf((kq) => (isFull ? -1 : kq));
    const { Kqueue } = await over(kernel);
    using kq = new Kqueue();
    kq.add({ filter: 'timer', id: 1, after: 1, udata: 'timer' });
    isFull = true;
    errno = EMFILE;
    expect((await kq.next({ timeout: 5000 }))?.udata).toBe('timer');
    expect(kq.pollable).toBe(false);
    isFull = false;
    errno = 0;
    expect(kq.pollable).toBe(true);
  },
);
