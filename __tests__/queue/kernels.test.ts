// The typed queue on kernels that are not as the one built in: without
// receipts, or with timers that take no other time. Their tables are real;
// the kernels are the built-in one with something taken away, or a script.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { kernels } from '../../src/abi/kernels.js';
import type { KernelFacts } from '../../src/abi/shape.js';
import { bindLibc } from '../../src/ffi/libc.js';
import {
  close as closeFd,
  EV_ERROR,
  EV_RECEIPT,
  EVFILT_TIMER,
  interval,
  KeventList,
  Kqueue,
  kevent,
  wake,
} from '../../src/index.js';
import { createLinuxKernel, type LinuxKernel } from '../../src/linux/kernel.js';
import type { Kernel } from '../../src/memory/kernel.js';
import type { KeventInit } from '../../src/memory/kevent.js';
import type { KeventMemory } from '../../src/memory/kevent-memory.js';
import { WAKE } from '../../src/memory/wake-words.js';
import type { Step } from '../../src/queue/change.js';
import { Changer } from '../../src/queue/changer.js';
import { encoderOf } from '../../src/queue/encoder.js';
import { RecordSender } from '../../src/queue/record-sender.js';
import { Registry } from '../../src/queue/registry.js';
import { timed } from '../conformance/cases.js';
import { close, dup, pipe } from '../conformance/libc.js';
import { kernelNames } from '../fixtures/abi/index.js';
import { onLinux, openCount } from '../support/fds.js';

/** Linux. */
const EPERM = 1;

const mocked: { kernel: Kernel | undefined; dialect: Partial<KernelFacts> } = {
  kernel: undefined,
  dialect: {},
};

jest.mock('../../src/calls/running-kernel.js', () => {
  const actual = jest.requireActual('../../src/calls/running-kernel.js');
  return {
    ...actual,
    currentKernel: () => mocked.kernel ?? actual.currentKernel(),
  };
});

jest.mock('../../src/host/dialect.js', () => {
  const actual = jest.requireActual('../../src/host/dialect.js');
  return {
    ...actual,
    hostDialect: () => ({ ...actual.hostDialect(), ...mocked.dialect }),
  };
});

/** The flags of each change as the kernel is given them. */
function eachFlags(
  changes: KeventMemory,
  count: number,
  change: (flags: number) => number,
): void {
  const view = new DataView(changes.i32.buffer);
  const { layout } = changes.words;
  for (let i = 0; i < count; i++) {
    const at = i * layout.size + layout.fields.flags.offset;
    view.setUint16(at, change(view.getUint16(at, true)), true);
  }
}

type Call = Kernel['kevent'];

/** Put the built-in kernel in the place of this one's, with another kevent. */
function take(
  kevent: (given: Parameters<Call>, real: Call) => number,
): LinuxKernel {
  const made = createLinuxKernel() as LinuxKernel;
  mocked.kernel = {
    facts: made.facts,
    words: made.words,
    width: made.width,
    kqueue: () => made.kqueue(),
    kevent: (...given) => kevent(given, (...all) => made.kevent(...all)),
    close: (fd) => made.close(fd),
    errno: () => made.errno(),
  };
  return made;
}

describe('a kernel without receipts', () => {
  let real: LinuxKernel;
  const registrations = (kq: Kqueue): number =>
    [...(real.queueOf(kq.fd)?.knotes.all() ?? [])].length;
  const fds: number[] = [];
  const readable = (): number => {
    const [reader, writer] = pipe();
    fds.push(reader, writer);
    writeSync(writer, 'x');
    return reader;
  };

  beforeEach(() => {
    if (process.platform !== 'linux') return;
    real = take((given, kevent) => {
      const [, changes, nchanges] = given;
      const receipt = EV_RECEIPT ?? 0;
      if (changes) eachFlags(changes, nchanges, (flags) => flags & ~receipt);
      return kevent(...given);
    });
  });
  afterEach(() => {
    mocked.kernel = undefined;
    for (const fd of fds.splice(0)) close(fd);
  });

  onLinux('adding several ready descriptors at once keeps all events', () => {
    using kq = new Kqueue();
    const [a, b] = [readable(), readable()];
    kq.add(
      { filter: 'read', fd: a, udata: 'a' },
      { filter: 'read', fd: b, udata: 'b' },
    );
    expect([kq.size, registrations(kq)]).toEqual([2, 2]);
    const events = kq.poll().map(({ udata }) => udata);
    expect(events.sort()).toEqual(['a', 'b']);
  });

  onLinux('a ready registration is replaced, not removed', () => {
    using kq = new Kqueue();
    const fd = readable();
    kq.add({ filter: 'read', fd, udata: 'old' });
    kq.add({ filter: 'read', fd, udata: 'new', oneshot: true });
    expect([kq.size, registrations(kq)]).toEqual([1, 1]);
    expect(kq.poll().map(({ udata }) => udata)).toEqual(['new']);
    expect([kq.size, registrations(kq)]).toEqual([0, 0]);
  });

  onLinux('changes do not consume pending events', () => {
    using kq = new Kqueue();
    kq.add({ filter: 'user', id: 1, oneshot: true, udata: 'waited' });
    kq.trigger(1);
    kq.add({ filter: 'user', id: 2 }, { filter: 'user', id: 3 });
    expect(kq.poll().map(({ udata }) => udata)).toEqual(['waited']);
    expect([kq.size, registrations(kq)]).toEqual([2, 2]);
  });

  onLinux('each result belongs to its step', () => {
    using kq = new Kqueue();
    const timer = { filter: 'timer', id: 1 } as const;
    const steps: Step[] = [
      { ...timer, every: 60_000 },
      { ...timer, op: 'delete' },
      { ...timer, op: 'delete' },
      { filter: 'user', id: 1 },
    ];
    for (let round = 0; round < 2; round++) {
      const results = kq.apply(steps).map(({ error }) => error?.code);
      expect(results).toEqual([undefined, undefined, 'ENOENT', undefined]);
      expect([kq.size, registrations(kq)]).toEqual([1, 1]);
    }
  });
});

onLinux('a registration that fails later is reported, with its value', () => {
  const { EINVAL } = kernels.darwin.errno;
  take((given, kevent) => {
    const count = kevent(...given);
    const events = given[3];
    // As FreeBSD reports a timer that was changed with two units.
    for (let i = 0; events && i < count; i++) {
      const { stride, data } = events.words;
      events.i32[i * stride + data] = EINVAL;
    }
    if (events) eachFlags(events, count, (flags) => flags | EV_ERROR);
    return count;
  });
  try {
    using kq = new Kqueue();
    kq.add({ filter: 'timer', id: 1, after: 1, udata: 'timer' });
    const [event] = kq.wait({ timeout: 5000 });
    expect(event).toMatchObject({
      filter: 'raw',
      udata: 'timer',
      raw: { ident: 1, filter: EVFILT_TIMER, data: EINVAL },
    });
    expect(kq.size).toBe(0);
  } finally {
    mocked.kernel = undefined;
  }
});

onLinux(
  'close() leaves a file with its number open, on a kernel that only fails with EBADF',
  () => {
    take((given, kevent) => kevent(...given));
    try {
      const kq = new Kqueue();
      closeSync(kq.fd);
      const file = openSync('/dev/null', 'r');
      expect(file).toBe(kq.fd);
      kq.close();
      expect(fstatSync(file).isCharacterDevice()).toBe(true);
      closeSync(file);
    } finally {
      mocked.kernel = undefined;
    }
  },
);

onLinux('uses kevent to wake a kernel that any thread may call', () => {
  take((given, kevent) => kevent(...given));
  const before = openCount();
  const kq = new Kqueue<string>();
  const waker = kq.waker(2 ** 40, 'woken');
  for (const act of [() => wake(waker.handle), () => waker.wake()]) {
    expect(act()).toBe(true);
    expect(kq.poll().map(({ udata }) => udata)).toEqual(['woken']);
  }
  waker.close();
  expect([wake(waker.handle), waker.wake(), kq.size]).toEqual([
    false,
    false,
    0,
  ]);
  const other = kq.waker();
  kq.close();
  expect([wake(other.handle), other.wake(), other.closed]).toEqual([
    false,
    false,
    true,
  ]);
  expect(openCount()).toBe(before);
  mocked.kernel = undefined;
});

describe('a waker of a kernel that any thread may call', () => {
  let kq: Kqueue;
  beforeEach(() => {
    if (process.platform !== 'linux') return;
    take((given, kevent) => kevent(...given));
    kq = new Kqueue();
  });
  afterEach(() => {
    kq?.close();
    mocked.kernel = undefined;
  });

  onLinux('reaches the queue although other code closed its descriptor', () => {
    const { handle } = kq.waker(5);
    const fd = dup(kq.fd);
    closeSync(kq.fd);
    expect(wake(handle)).toBe(true);
    const list = new KeventList(1);
    expect([kevent(fd, null, list, 0), list.ident(0)]).toEqual([1, 5]);
    close(fd);
  });

  onLinux('reports a refusal as false', () => {
    const { handle } = kq.waker(5);
    kq.delete({ filter: 'user', id: 5 });
    expect(wake(handle)).toBe(false);
  });

  onLinux('closes its descriptor after the threads that use it', async () => {
    const before = openCount();
    const waker = kq.waker(5);
    const { words } = waker.handle;
    // As a thread that is in wake() for 20 ms.
    Atomics.store(words, WAKE.USERS, 1);
    const program = `
      const { workerData: [words, users] } = require('node:worker_threads');
      Atomics.wait(words, users, -1, 20);
      setTimeout(() => {
        Atomics.sub(words, users, 1);
        Atomics.notify(words, users);
      }, 20);
    `;
    const workerData = [words, WAKE.USERS];
    const worker = new Worker(program, { eval: true, workerData });
    const ended = once(worker, 'exit');
    await once(worker, 'online');
    waker.close();
    expect(Atomics.load(words, WAKE.USERS)).toBe(0);
    await ended;
    expect(openCount()).toBe(before);
  });

  onLinux('does not wait for ever for a thread that was terminated', () => {
    const waker = kq.waker(5);
    const { words } = waker.handle;
    const fd = Atomics.load(words, WAKE.FD);
    Atomics.store(words, WAKE.USERS, 1);
    waker.close();
    expect(waker.closed).toBe(true);
    // It may still use the descriptor.
    expect(() => fstatSync(fd)).not.toThrow();
    close(fd);
  });

  onLinux('closes at once if no thread is waking it', () => {
    const start = performance.now();
    for (let id = 0; id < 20; id++) kq.waker(id).close();
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

/** Have calls fail with an errno while a function says so. */
function failing(
  errno: number,
  fails: (given: Parameters<Call>) => boolean,
): void {
  let hasFailed = false;
  const real = take((given, kevent) => {
    hasFailed = fails(given);
    return hasFailed ? -1 : kevent(...given);
  });
  if (mocked.kernel === undefined) return;
  const { kernel } = mocked;
  mocked.kernel = {
    ...kernel,
    errno: () => (hasFailed ? errno : real.errno()),
  };
}

onLinux('a waker that the kernel refuses leaves no registration', () => {
  const { EMFILE } = kernels.darwin.errno;
  let isRefused = false;
  failing(EMFILE, () => false);
  if (mocked.kernel === undefined) return;
  const { kernel } = mocked;
  mocked.kernel = {
    ...kernel,
    openWaker() {
      isRefused = true;
      return -1;
    },
    errno: () => (isRefused ? EMFILE : kernel.errno()),
  };
  try {
    using kq = new Kqueue();
    expect(() => kq.waker(5)).toThrow(
      expect.objectContaining({
        message: 'Cannot create a waker: EMFILE',
        code: 'EMFILE',
        errno: -EMFILE,
        syscall: 'kevent',
      }),
    );
    expect(kq.size).toBe(0);
    isRefused = false;
    expect(() => kq.trigger(5)).toThrow('ENOENT');
  } finally {
    mocked.kernel = undefined;
  }
});

/** Whether a call may block. */
const blocks = ([, , , events, , timeout]: Parameters<Call>): boolean =>
  events !== null && (timeout?.i32.some((word) => word !== 0) ?? true);

describe('calls of kevent', () => {
  afterEach(() => {
    mocked.kernel = undefined;
  });
  const { EINTR, ENOMEM } = kernels.darwin.errno;
  const user = { filter: 'user', id: 1 } as const;

  onLinux('block in wait() and fill() only', async () => {
    let count = 0;
    take((given, kevent) => {
      if (blocks(given)) count++;
      return kevent(...given);
    });
    using kq = new Kqueue();
    const waiting = [kq.next(), kq.next({ timeout: 1 }), kq.events().next()];
    kq.add(
      user,
      { filter: 'user', id: 2 },
      { filter: 'timer', id: 3, every: 1 },
    );
    kq.trigger(1);
    await Promise.all(waiting);
    kq.on(() => {}).stop();
    kq.delete(user);
    kq.poll();
    expect(count).toBe(0);
    kq.wait({ timeout: 1000 });
    kq.fill(new KeventList(1), 1000);
    expect(count).toBe(2);
  });

  onLinux('of trigger() are one, also if it is refused nothing', () => {
    let count = 0;
    take((given, kevent) => {
      count++;
      return kevent(...given);
    });
    using kq = new Kqueue();
    kq.add(user);
    count = 0;
    kq.trigger(1);
    expect(count).toBe(1);
  });

  onLinux('that signals interrupt do not move the deadline of a wait', () => {
    const LIMIT = 300;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    let interrupted = 0;
    failing(EINTR, (given) => {
      if (!blocks(given) || interrupted === LIMIT) return false;
      interrupted++;
      Atomics.wait(pause, 0, 0, 2);
      return true;
    });
    using kq = new Kqueue();
    const start = performance.now();
    expect(kq.wait({ timeout: 20 })).toEqual([]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(20);
    expect(interrupted).toBeGreaterThan(1);
    expect(interrupted).toBeLessThan(LIMIT);
    interrupted = LIMIT - 5;
    kq.add({ filter: 'timer', id: 1, after: 1 });
    expect(kq.wait()).toHaveLength(1);
  });

  onLinux('that fail otherwise are not repeated', () => {
    const LIMIT = 2000;
    let count = LIMIT;
    failing(ENOMEM, () => count++ < LIMIT);
    using kq = new Kqueue();
    kq.add({ ...user, clear: false });
    kq.trigger(1);
    for (const act of [
      () => kq.wait(),
      () => kq.wait({ timeout: 1000 }),
      () => kq.poll(),
    ]) {
      count = 0;
      expect(act).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
      expect(count).toBe(1);
    }
    count = LIMIT;
  });

  onLinux(
    'that fail end the pending waits, and later ones are served',
    async () => {
      let fails = false;
      failing(ENOMEM, ([, , , events]) => fails && events !== null);
      using kq = new Kqueue();
      kq.add(user);
      const waits = [kq.next(), kq.next(), kq.next()];
      await new Promise(setImmediate);
      fails = true;
      kq.trigger(1);
      for (const result of await Promise.allSettled(waits)) {
        const reason = expect.objectContaining({ code: 'ENOMEM' });
        expect(result).toEqual({ status: 'rejected', reason });
      }
      fails = false;
      expect(kq.poll()).toHaveLength(1);
      for (let i = 0; i < 4; i++) {
        const next = kq.next({ timeout: 10_000 });
        kq.trigger(1);
        expect(await next).toMatchObject({ id: 1 });
      }
    },
  );
});

describe('an interval on a kernel whose timers lose their phase', () => {
  afterEach(() => {
    mocked.kernel = undefined;
    mocked.dialect = {};
  });

  /** Have each period rounded to whole ticks before the kernel sees it. */
  const inTicks = (round: (ms: number) => number): void => {
    take((given, kevent) => {
      const [, changes, nchanges] = given;
      const { stride = 0, data = 0 } = changes?.words ?? {};
      for (let i = 0; changes && i < nchanges; i++) {
        const at = i * stride + data;
        changes.i32[at] = round(changes.i32[at]);
      }
      return kevent(...given);
    });
  };
  const WITHOUT_UNITS: KernelFacts['timerUnits'] = {
    default: 'milliseconds',
    encoding: 'none',
  };

  type Case = [string, Partial<KernelFacts>, number, (ms: number) => number];
  const cases: readonly Case[] = [
    ['rounded up', { name: 'openbsd' }, 15, (ms) => Math.ceil(ms / 10) * 10],
    ['with a tick more', { name: 'netbsd' }, 8, (ms) => ms + 20],
    // The rest of a period is waited for once more.
    ['rounded down', { name: 'dragonfly' }, 15, () => 10],
    ['of whole milliseconds', { name: 'libkqueue' }, 1.5, (ms) => ms],
  ];
  for (const [title, dialect, every, round] of cases) {
    onLinux(`${title} counts the periods that have passed`, () =>
      timed(async () => {
        mocked.dialect = { ...dialect, timerUnits: WITHOUT_UNITS };
        inTicks(round);
        const start = performance.now();
        let before = 0;
        for await (const { count, missed } of interval(every)) {
          const elapsed = performance.now() - start;
          expect(count - before).toBe(missed + 1);
          expect(elapsed).toBeGreaterThanOrEqual(count * every - 1);
          before = count;
          if (elapsed < 120) continue;
          // Late by what one timer is, not by the sum of all.
          expect(count).toBeGreaterThan((elapsed - 40) / every - 1);
          break;
        }
      }),
    );
  }
});

describe("on Darwin, another user's process", () => {
  let child: ReturnType<typeof spawn>;
  let pid = 0;

  beforeEach(() => {
    child = spawn('sh', ['-c', 'read line; exit 3'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    pid = child.pid ?? 0;
    if (process.platform !== 'linux') return;
    const libc = bindLibc();
    const refuse = (): number => {
      libc.setErrno(EPERM);
      return -1;
    };
    // Neither the right to signal it, nor its parent.
    const strange = { ...libc, kill: refuse, waitid: refuse, ioctl: refuse };
    mocked.kernel = createLinuxKernel(strange);
  });
  afterEach(() => {
    mocked.kernel = undefined;
    child.kill();
  });

  onLinux('reports its exit, and refuses its status with EACCES', async () => {
    using kq = new Kqueue<string>();
    const proc = { filter: 'proc', pid, notes: 'exit' } as const;
    expect(() =>
      kq.add({ ...proc, notes: ['exit', 'exitstatus'], udata: '' }),
    ).toThrow(expect.objectContaining({ code: 'EACCES' }));
    const user = { filter: 'user', id: 1 } as const;
    // Alone, in a batch, again, and in place of one with other flags.
    kq.add({ ...proc, udata: 'first' });
    kq.delete(proc);
    kq.add({ ...user, udata: '' }, { ...proc, udata: 'second' });
    kq.add({ ...proc, udata: 'third' });
    kq.add({ ...proc, dispatch: true, udata: 'fourth' });
    kq.modify(proc);
    expect(kq.size).toBe(2);
    child.stdin?.end('\n');
    const event = await kq.next({ timeout: 10_000 });
    expect(event).toMatchObject({ pid, notes: ['exit'], udata: 'fourth' });
    expect(kq.size).toBe(1);
  });

  onLinux('is not registered after adding and deleting it', () => {
    using kq = new Kqueue();
    const proc = { filter: 'proc', pid } as const;
    const results = kq.apply([
      { ...proc, op: 'add', notes: 'exit' },
      { ...proc, op: 'delete' },
      { ...proc, op: 'add', notes: 'exit' },
      { ...proc, op: 'disable' },
      { ...proc, op: 'delete' },
      { ...proc, op: 'delete' },
    ]);
    expect(results.map(({ error }) => error?.code ?? 'ok')).toEqual([
      ...Array(5).fill('ok'),
      'ENOENT',
    ]);
    expect(kq.size).toBe(0);
  });
});

/** Keeps how many records go in each call, and gives receipts for a few. */
function countingSend(EV_ERROR: number) {
  const sent: number[] = [];
  const send = (
    records: readonly KeventInit[],
    receipts: KeventList | null,
  ) => {
    if (receipts === null) return 0;
    sent.push(records.length);
    receipts.clear();
    if (records.length > 3) return 0;
    for (const record of records) receipts.push({ ...record, flags: EV_ERROR });
    return 0;
  };
  return { sent, send };
}

test('more changes than a list can hold go in several calls', () => {
  const MOST = 2 ** 20;
  const { EVFILT_USER, EV_ERROR } = kernels.darwin.constants;
  const sender = new RecordSender(kernels.darwin);
  const { sent, send } = countingSend(EV_ERROR);
  const user = (ident: number) => ({ ident, filter: EVFILT_USER });
  sender.send([user(1), user(2)], send);
  const errnos = sender.send(Array(MOST + 2).fill(user(1)), send);
  expect(sent).toEqual([3, MOST, 2]);
  expect(errnos.length).toBe(MOST + 2);
  expect(errnos.every((errno) => errno === 0)).toBe(true);
});

test('changes before the first receipt fit with the record that is refused', () => {
  const MOST = 512;
  const { EVFILT_USER, EV_ERROR } = kernels.libkqueue.constants;
  const { sent, send } = countingSend(EV_ERROR);
  const records = Array.from({ length: MOST }, (_, ident) => {
    return { ident, filter: EVFILT_USER };
  });
  new RecordSender(kernels.libkqueue).send(records, send);
  expect(sent[0]).toBe(MOST);
});

test.each([
  ['64', true],
  ['32', false],
])('a token of %s bits is stale only if it was issued', (_, isWide) => {
  const registry = new Registry(isWide, 1000);
  const request = { filter: -10, ident: 1, flags: 0, fflags: 0, data: 0 };
  const tokens = [1, 2].map(() => registry.create(request, 'value').token);
  expect(tokens.map((token) => registry.isStale(token))).toEqual([true, true]);
  const [first, last] = tokens;
  // Of other queues and other code.
  for (const foreign of [first - 1, last + 1, first - 900, 0, 77, 1001]) {
    expect([foreign, registry.isStale(foreign)]).toEqual([foreign, false]);
  }
  expect(registry.isStale(2n ** 64n - 1n)).toBe(false);
});

test('replacements that need two records each go in several calls', () => {
  const MOST = 512;
  const facts = kernels.libkqueue;
  const registry = new Registry(true);
  const changer = new Changer(facts, encoderOf(facts), registry, () => 0);
  const { sent, send } = countingSend(facts.constants.EV_ERROR);
  const users = (count: number, oneshot: boolean) =>
    Array.from({ length: count }, (_, id): Step => {
      return { filter: 'user', id, oneshot };
    });
  changer.apply(users(2, false), send);
  changer.apply(users(MOST / 2 + 1, false), send);
  // Each replaces the one before: it takes two changes of the kernel.
  const results = changer.apply(users(MOST / 2 + 1, true), send);
  expect(sent).toEqual([3, MOST / 2 + 1, MOST, 2]);
  expect(results.every(({ ok }) => ok)).toBe(true);
});

describe.each(kernelNames)('on %s', (name) => {
  const facts: KernelFacts = kernels[name];
  const { EV_ADD, EV_DELETE, EV_DISABLE, EV_ONESHOT } = facts.constants;
  /** The records of each call after the first, which adds the timer. */
  const sentBy = (...calls: readonly (readonly Step[])[]) => {
    const registry = new Registry(true);
    const changer = new Changer(facts, encoderOf(facts), registry, () => 0);
    let sent: KeventInit[] = [];
    const send = (records: readonly KeventInit[]) => {
      sent.push(...records.filter(({ ident }) => ident === 1));
      return 0;
    };
    for (const steps of calls) {
      sent = [];
      changer.apply(steps, send);
    }
    return sent;
  };
  const timer = { filter: 'timer', id: 1 } as const;

  test('a timer that is added again or modified uses its new time', () => {
    const again = sentBy(
      [{ ...timer, after: 1500 }],
      [{ ...timer, after: 30 }],
    );
    const modified = sentBy(
      [{ ...timer, after: 1500 }],
      [{ ...timer, op: 'modify', after: 30 }],
    );
    for (const sent of [again, modified]) {
      expect(sent.at(-1)).toMatchObject({ data: 30 });
      if (name === 'darwin') continue;
      // A timer that runs would keep its time or lose its being one-shot.
      const [deleted, added] = sent.map(({ flags = 0 }) => flags);
      expect(deleted & EV_DELETE).toBe(EV_DELETE);
      expect(added & (EV_ADD | EV_ONESHOT)).toBe(EV_ADD | EV_ONESHOT);
    }
  });

  test('modifying something else changes what is registered', () => {
    const user = { filter: 'write', fd: 1 } as const;
    const [sent] = sentBy([user], [{ ...user, op: 'modify', lowWater: 2 }]);
    // EV_ADD would register another file that has the number by now.
    const isBare = name === 'darwin' || name === 'freebsd';
    expect(sent).toMatchObject({ flags: isBare ? 0 : EV_ADD, data: 2 });
  });

  test('a registration that is added again disabled is not enabled', () => {
    const read = { filter: 'read', fd: 1 } as const;
    const [sent] = sentBy([read], [{ ...read, disabled: true }]);
    expect(sent.flags).toBe(EV_ADD | EV_DISABLE);
  });

  test.each([
    ['a disabled timer stays so', [], ['disable']],
    ['an enabled one too', ['disable'], ['enable']],
  ] as const)('%s when it is modified', (_, before, after) => {
    const toggles = [...before, ...after].map((op): Step => ({ ...timer, op }));
    const modify: Step = { ...timer, op: 'modify', every: 30 };
    const disabled = before.length === 0 ? EV_DISABLE : 0;
    for (const calls of [[toggles, [modify]], [[...toggles, modify]]]) {
      const sent = sentBy([{ ...timer, every: 1500 }], ...calls);
      if (name === 'darwin') continue;
      expect((sent.at(-1)?.flags ?? 0) & EV_DISABLE).toBe(disabled);
    }
  });
});

onLinux('without room for another queue the kernel itself refuses', () => {
  const made = take((given, real) => real(...given));
  try {
    using kq = new Kqueue();
    const timer = { filter: 'timer', id: 1 } as const;
    kq.add({ ...timer, every: 1, udata: 'old' });
    const { EMFILE } = kernels.darwin.errno;
    const real = mocked.kernel as Kernel;
    let isFull = false;
    mocked.kernel = {
      ...real,
      kqueue() {
        isFull = true;
        return -1;
      },
      errno() {
        const errno = isFull ? EMFILE : real.errno();
        isFull = false;
        return errno;
      },
    };
    kq.add({ ...timer, after: 1, udata: 'new' });
    const huge = { ...timer, every: { ms: 2n ** 62n }, udata: 'huge' };
    expect(() => kq.add(huge)).toThrow(
      expect.objectContaining({ code: 'ERANGE' }),
    );
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ udata: 'new' }]);
    expect([...(made.queueOf(kq.fd)?.knotes.all() ?? [])]).toEqual([]);
  } finally {
    mocked.kernel = undefined;
  }
});

describe('a kernel that numbers its queues itself', () => {
  beforeEach(() => {
    if (process.platform === 'linux') take((given, call) => call(...given));
  });
  afterEach(() => {
    mocked.kernel = undefined;
  });

  onLinux('does not close a file that has the number of a queue', () => {
    const kq = new Kqueue();
    close(kq.fd);
    const fd = openSync('/dev/null', 'r');
    expect(fd).toBe(kq.fd);
    kq.close();
    expect(fstatSync(fd)).toBeDefined();
    closeSync(fd);
  });

  onLinux('close() of such a file closes the file and the queue', () => {
    const kq = new Kqueue();
    close(kq.fd);
    const fd = openSync('/dev/null', 'r');
    expect(fd).toBe(kq.fd);
    closeFd(fd);
    expect(() => fstatSync(fd)).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    );
    expect(kq.closed).toBe(true);
    expect(() => kq.close()).not.toThrow();
  });
});
