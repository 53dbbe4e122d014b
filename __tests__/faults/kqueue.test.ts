// Each library call of a typed queue's operation fails once with every errno of
// its man page. The error is reported, a signal is not. The queue continues and
// keeps its pending events; no value, descriptor or event loop watch leaks.

import { close, fdOwners, kqueue } from '../../src/calls/syscalls.js';
import { exitsOfProcess } from '../../src/ffi/exits.js';
import { Kqueue, KqueueError } from '../../src/index.js';
import { descriptors, isolate } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';
import {
  type DoubleFault,
  type DoubleKernel,
  doubleKernel,
  LISTED,
  type Name,
} from './double-kernel.js';

const mocked: { double: DoubleKernel | undefined } = { double: undefined };

const mockedImmediate: {
  call: ((callback: () => void) => unknown) | undefined;
} = { call: undefined };

jest.mock('../../src/host/globals.js', () => {
  const actual = jest.requireActual('../../src/host/globals.js');
  return {
    ...actual,
    setImmediate: (callback: () => void) =>
      (mockedImmediate.call ?? actual.setImmediate)(callback),
  };
});

jest.mock('../../src/calls/running-kernel.js', () => {
  const actual = jest.requireActual('../../src/calls/running-kernel.js');
  return {
    ...actual,
    currentKernel: () => mocked.double?.kernel ?? actual.currentKernel(),
  };
});

isolate();

const double = (): DoubleKernel => {
  mocked.double ??= doubleKernel();
  return mocked.double;
};

afterAll(() => {
  mocked.double?.dispose();
  mocked.double = undefined;
});

type Queue = Kqueue<string>;

interface Operation {
  /** The initial registrations, besides a triggered user event. */
  readonly set?: (kq: Queue) => unknown;
  /**
   * The operation during which a call fails. It returns the values of events.
   */
  readonly act: (kq: Queue) => unknown;
  /** The queue is closed afterwards. */
  readonly closes?: boolean;
  /** The calls of the operation, each at least once: by default `kevent`. */
  readonly calls?: readonly Name[];
}

const READY = { filter: 'user', id: 1, udata: 'ready' } as const;
const OTHER = { filter: 'user', id: 2, udata: 'other' } as const;
const TIMER = {
  filter: 'timer',
  id: 3,
  every: 60_000,
  udata: 'timer',
} as const;
const CONTROL = { filter: 'user', id: 4, udata: 'control' } as const;

const values = (events: readonly { udata?: unknown }[]) =>
  events.map(({ udata }) => udata);

const OPERATIONS: Readonly<Record<string, Operation>> = {
  'new Kqueue': {
    act() {
      new Kqueue().close();
    },
    calls: ['kqueue', 'kevent', 'close'],
  },
  'Kqueue.fromFd': {
    act() {
      const fd = kqueue();
      try {
        Kqueue.fromFd(fd).close();
      } catch (error) {
        if (!(error instanceof KqueueError && error.syscall === 'close')) {
          close(fd);
        }
        throw error;
      }
    },
    calls: ['kqueue', 'kevent', 'close'],
  },
  'add one': { act: (kq) => kq.add(OTHER) },
  'add many': { act: (kq) => kq.add(OTHER, TIMER) },
  'add again': { set: (kq) => kq.add(TIMER), act: (kq) => kq.add(TIMER) },
  'add with other flags': {
    set: (kq) => kq.add(OTHER),
    act: (kq) => kq.add({ ...OTHER, oneshot: true }),
    // It is tested on a separate queue first.
    calls: ['kqueue', 'kevent', 'close'],
  },
  modify: {
    set: (kq) => kq.add(TIMER),
    act: (kq) => kq.modify({ ...TIMER, every: 50_000, udata: 'modified' }),
  },
  disable: { set: (kq) => kq.add(OTHER), act: (kq) => kq.disable(OTHER) },
  enable: {
    set: (kq) => kq.add({ ...OTHER, disabled: true }),
    act: (kq) => kq.enable(OTHER),
  },
  delete: { set: (kq) => kq.add(OTHER), act: (kq) => kq.delete(OTHER) },
  trigger: { set: (kq) => kq.add(OTHER), act: (kq) => kq.trigger(2) },
  apply: {
    set: (kq) => kq.add(TIMER),
    act(kq) {
      const results = kq.apply([
        OTHER,
        { op: 'delete', filter: 'timer', id: 3 },
        { op: 'trigger', id: 2 },
      ]);
      for (const { error } of results) if (error !== undefined) throw error;
    },
  },
  poll: { act: (kq) => values(kq.poll()) },
  wait: { act: (kq) => values(kq.wait({ timeout: 10_000 })) },
  'wait for a timer': {
    set(kq) {
      const given = values(kq.poll());
      kq.add({ filter: 'timer', id: 3, after: 1, udata: 'timer' });
      return given;
    },
    act: (kq) => values(kq.wait({ timeout: 10_000 })),
  },
  next: {
    act: async (kq) => values([(await kq.next()) ?? {}]),
  },
  'next, later': {
    set: (kq) => values(kq.poll()),
    async act(kq) {
      const next = kq.next({ timeout: 10_000 });
      kq.add({ filter: 'timer', id: 3, after: 1, udata: 'timer' });
      return values([(await next) ?? {}]);
    },
  },
  'for await': {
    async act(kq) {
      for await (const event of kq) return values([event]);
      return [];
    },
  },
  events: {
    async act(kq) {
      for await (const events of kq.events()) return values(events);
      return [];
    },
  },
  close: { act: (kq) => kq.close(), closes: true, calls: ['kevent', 'close'] },
  'close while somebody waits': {
    set: (kq) => values(kq.poll()),
    async act(kq) {
      const next = kq.next();
      kq.close();
      expect(await next).toBeUndefined();
    },
    closes: true,
    calls: ['kevent', 'close'],
  },
};

const nameOf = (name: string, { call, nth, code }: DoubleFault): string =>
  `${name}: ${call} ${nth} ${code}`;

/** What this library holds for open queues. */
const held = (): unknown[] => [...fdOwners.keys(), ...exitsOfProcess().acts];

/** These say that a registration is not there, and are believed. */
const GONE: readonly string[] = ['ENOENT', 'EBADF'];

interface Outcome {
  readonly wrong: readonly string[];
  readonly calls: readonly Name[];
}

/** Play an operation, with a fault or without. */
async function play(op: Operation, fault?: DoubleFault): Promise<Outcome> {
  const { arm, disarm, registrations, closeQueues } = double();
  const wrong: string[] = [];
  const before = descriptors() ?? [];
  const heldBefore = held();
  const kq: Queue = new Kqueue();
  kq.add(READY);
  kq.trigger(READY.id);
  const seen = new Set<unknown>();
  const setting = op.set?.(kq);
  for (const value of Array.isArray(setting) ? setting : []) seen.add(value);

  arm(fault);
  let code = 'none';
  try {
    const got = await op.act(kq);
    for (const value of Array.isArray(got) ? got : []) seen.add(value);
  } catch (error) {
    code = error instanceof KqueueError ? error.code : `threw ${error}`;
  }
  const calls = disarm();
  // A collection that a signal has ended is made again, and changes are made.
  const expected = op.calls === undefined && fault?.code === 'EINTR';
  if (code !== 'none' && (code !== fault?.code || expected)) {
    wrong.push(`said ${code}`);
  }
  if (op.closes !== true) {
    if (kq.closed) wrong.push('is closed');
    kq.add(CONTROL);
    kq.trigger(CONTROL.id);
    const LOOKS = 5;
    for (let i = 0; i < LOOKS && !seen.has('control'); i++) {
      for (const value of values(kq.poll())) seen.add(value);
    }
    for (const value of ['ready', 'control']) {
      if (!seen.has(value)) wrong.push(`lost ${value}`);
    }
    const inTruth = registrations(kq.fd);
    const isBelieved = fault !== undefined && GONE.includes(fault.code);
    if (kq.size !== inTruth && !isBelieved) {
      wrong.push(`counts ${kq.size} of ${inTruth}`);
    }
  }
  kq.close();
  if (!kq.closed) wrong.push('is not closed');
  // All test files of a process share the watches. Those of an earlier file may
  // be garbage-collected meanwhile.
  const holds = held().filter((each) => !heldBefore.includes(each));
  if (holds.length > 0) wrong.push(`holds ${holds}`);
  // A descriptor that is said to be no queue is not closed: it is another's.
  const closes = op.calls?.includes('close') === true;
  if (closes && fault?.call === 'kevent' && fault.code === 'EBADF') {
    closeQueues();
  }
  // The test runner may have closed its own descriptors meanwhile.
  const open = (descriptors() ?? []).filter((line) => !before.includes(line));
  if (open.length > 0) wrong.push(`left open ${open}`);
  return { wrong, calls };
}

onLinux('a queue continues after any failed call', async () => {
  // The first operation opens the permanent descriptors.
  await play({ act: () => {} });
  const wrong: string[] = [];
  const tried = new Set<string>();
  let least = 0;
  let excepted = 0;
  for (const [name, op] of Object.entries(OPERATIONS)) {
    const undisturbed = await play(op);
    wrong.push(...undisturbed.wrong.map((what) => `${name}: ${what}`));
    // How often it calls may depend on the time that passes, but not what.
    const made = [...new Set(undisturbed.calls)];
    expect([name, made]).toEqual([name, op.calls ?? ['kevent']]);
    least += made.reduce((sum, call) => sum + LISTED[call].length, 0);
    for (const [i, call] of undisturbed.calls.entries()) {
      const earlier = undisturbed.calls.slice(0, i);
      const nth = earlier.filter((made) => made === call).length;
      for (const code of LISTED[call]) {
        const fault: DoubleFault = { call, nth, code };
        // Before a close it says that the number is another file's by now.
        const next = undisturbed.calls[i + 1];
        if (call === 'kevent' && code === 'EBADF' && next === 'close') {
          excepted++;
          continue;
        }
        const outcome = await play(op, fault);
        tried.add(nameOf(name, fault));
        for (const what of outcome.wrong) {
          wrong.push(`${nameOf(name, fault)}: ${what}`);
        }
      }
    }
  }
  expect(wrong).toEqual([]);
  expect(least).toBeGreaterThan(150);
  expect(tried.size + excepted).toBeGreaterThanOrEqual(least);
});

onLinux('a listener gets no events after collecting failed', async () => {
  const { arm, disarm } = double();
  const kq: Queue = new Kqueue();
  kq.add(READY);
  const batches: unknown[] = [];
  const later = setImmediate;
  const thrown: unknown[] = [];
  // Where it is thrown, an uncaught exception: here it is caught.
  const catching = (callback: () => void) =>
    later(() => {
      try {
        callback();
      } catch (error) {
        thrown.push(error);
      }
    });
  mockedImmediate.call = catching;
  try {
    arm({ call: 'kevent', nth: 0, code: 'ENOMEM' });
    kq.on((events) => batches.push(...values(events)));
    for (let i = 0; i < 5; i++) await new Promise((resolve) => later(resolve));
  } finally {
    mockedImmediate.call = undefined;
    disarm();
  }
  expect(thrown).toEqual([expect.objectContaining({ code: 'ENOMEM' })]);
  expect(batches).toEqual([]);
  kq.trigger(READY.id);
  expect(values(kq.poll())).toEqual(['ready']);
  kq.close();
});

onLinux('stops retrying if the kernel interrupts every call', () => {
  const { arm, disarm } = double();
  const kq: Queue = new Kqueue();
  kq.add(READY);
  kq.trigger(READY.id);
  arm({ call: 'kevent', nth: 'each', code: 'EINTR' });
  const interrupted = expect.objectContaining({ code: 'EINTR' });
  try {
    expect(() => kq.poll()).toThrow(interrupted);
    expect(() => kq.wait({ timeout: 5 })).toThrow(interrupted);
  } finally {
    disarm();
  }
  expect(values(kq.poll())).toEqual(['ready']);
  kq.close();
});
