import { writeSync } from 'node:fs';
import {
  type Change,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_TIMER,
  EVFILT_USER,
  explain,
  Kqueue,
  KqueueChangeError,
  KqueueError,
  kernel,
  kevent,
  type Step,
} from '../../src/index.js';
import { gate } from '../conformance/cases.js';
import { close, dup2, pipe, readNow } from '../conformance/libc.js';

let kq: Kqueue;
let ends: number[];

beforeEach(() => {
  kq = new Kqueue();
  ends = [];
});

afterEach(() => {
  kq.close();
  for (const fd of ends) close(fd);
});

const makePipe = (): [number, number] => {
  const made = pipe();
  ends.push(...made);
  return made;
};

const error = (act: () => unknown): KqueueChangeError => {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof KqueueChangeError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
};

test('reports the number of bytes in a pipe', () => {
  const [reader, writer] = makePipe();
  kq.add({ filter: 'read', fd: reader, udata: 'pipe' });
  expect(kq.poll()).toEqual([]);
  writeSync(writer, 'hello');
  expect(kq.poll()).toMatchObject([
    { filter: 'read', fd: reader, available: 5, eof: false, udata: 'pipe' },
  ]);
});

test('reports the free space of an empty pipe', () => {
  const [, writer] = makePipe();
  kq.add({ filter: 'write', fd: writer });
  const [event] = kq.poll();
  expect(event).toMatchObject({ filter: 'write', fd: writer, eof: false });
  expect(event.filter === 'write' && event.space).toBeGreaterThan(512);
});

test('reports EOF of a pipe with the number of unread bytes', () => {
  const [reader, writer] = pipe();
  ends.push(reader);
  kq.add({ filter: 'read', fd: reader });
  writeSync(writer, 'abc');
  close(writer);
  expect(kq.poll()).toMatchObject([{ available: 3, eof: true }]);
  readNow(reader, 3);
  expect(kq.poll()).toMatchObject([{ available: 0, eof: true }]);
});

test('reports nothing below the low-water mark', () => {
  const [reader, writer] = makePipe();
  kq.add({ filter: 'read', fd: reader, lowWater: 4 });
  writeSync(writer, 'abc');
  expect(kq.poll()).toEqual([]);
  writeSync(writer, 'd');
  expect(kq.poll()).toMatchObject([{ available: 4 }]);
});

test('an object with a numeric fd is accepted as a descriptor', () => {
  const [reader, writer] = makePipe();
  writeSync(writer, 'x');
  kq.add({ filter: 'read', fd: { fd: reader } });
  expect(kq.poll()).toMatchObject([{ fd: reader }]);
});

test('user events keep the bits of the last trigger', () => {
  kq.add({ filter: 'user', id: 1 });
  kq.trigger(1, 0x123);
  expect(kq.poll()).toMatchObject([{ filter: 'user', id: 1, fflags: 0x123 }]);
  kq.trigger(1);
  expect(kq.poll()).toMatchObject([{ fflags: 0x123 }]);
  kq.trigger(1, 0);
  expect(kq.poll()).toMatchObject([{ fflags: 0 }]);
  expect(kq.poll()).toEqual([]);
});

test('a timer counts expirations that were not collected', () => {
  kq.add({ filter: 'timer', id: 1, every: { us: 500 } });
  kq.add({ filter: 'timer', id: 2, after: 20 });
  let count = 0;
  for (let done = false; !done; ) {
    for (const event of kq.wait({ timeout: 5000 })) {
      if (event.filter !== 'timer') continue;
      if (event.id === 2) done = true;
      else count += event.count;
    }
  }
  expect(count).toBeGreaterThanOrEqual(30);
});

test('a timer with a time in the past fires at once, and once', () => {
  kq.add({ filter: 'timer', id: 1, at: new Date(Date.now() - 1000) });
  expect(kq.wait({ timeout: 1000 })).toMatchObject([{ id: 1, count: 1 }]);
  expect(kq.size).toBe(0);
});

describe('disable, enable and modify', () => {
  test('a disabled registration reports nothing, and keeps its value when enabled', () => {
    const [reader, writer] = makePipe();
    kq.add({ filter: 'read', fd: reader, udata: 'kept', disabled: true });
    writeSync(writer, 'x');
    expect(kq.poll()).toEqual([]);
    kq.enable({ filter: 'read', fd: reader });
    expect(kq.poll()).toMatchObject([{ udata: 'kept' }]);
    kq.disable({ filter: 'read', fd: reader });
    expect(kq.poll()).toEqual([]);
  });

  test('enabling keeps the low-water mark', () => {
    const [reader, writer] = makePipe();
    kq.add({ filter: 'read', fd: reader, lowWater: 4 });
    kq.disable({ filter: 'read', fd: reader });
    writeSync(writer, 'abc');
    kq.enable({ filter: 'read', fd: reader });
    expect(kq.poll()).toEqual([]);
    writeSync(writer, 'd');
    expect(kq.poll()).toMatchObject([{ available: 4 }]);
  });

  test('enabling a disabled timer starts its period again', () => {
    kq.add({ filter: 'timer', id: 1, every: 1, disabled: true });
    expect(kq.poll()).toEqual([]);
    kq.enable({ filter: 'timer', id: 1 });
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ id: 1 }]);
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ id: 1 }]);
  });

  test('dispatch reports once, until enabled again', () => {
    const [reader, writer] = makePipe();
    kq.add({ filter: 'read', fd: reader, dispatch: true, udata: 1 });
    writeSync(writer, 'x');
    expect(kq.poll()).toMatchObject([{ udata: 1 }]);
    expect(kq.poll()).toEqual([]);
    kq.enable({ filter: 'read', fd: reader });
    expect(kq.poll()).toMatchObject([{ udata: 1 }]);
  });

  test('modify changes the low-water mark and keeps the value', () => {
    const [reader, writer] = makePipe();
    kq.add({ filter: 'read', fd: reader, udata: 'kept' });
    kq.modify({ filter: 'read', fd: reader, lowWater: 2 });
    writeSync(writer, 'x');
    expect(kq.poll()).toEqual([]);
    kq.modify({ filter: 'read', fd: reader, lowWater: 1 });
    expect(kq.poll()).toMatchObject([{ udata: 'kept' }]);
    kq.modify({ filter: 'read', fd: reader, udata: 'new' });
    expect(kq.poll()).toMatchObject([{ udata: 'new' }]);
  });

  test('modify turns a one-shot timer into a periodic one', () => {
    kq.add({ filter: 'timer', id: 1, after: 60_000, udata: 'kept' });
    kq.modify({ filter: 'timer', id: 1, every: 1 });
    for (let i = 0; i < 2; i++) {
      expect(kq.wait({ timeout: 5000 })).toMatchObject([{ udata: 'kept' }]);
    }
    expect(kq.size).toBe(1);
  });

  test('modify keeps other registrations one-shot', () => {
    const [reader, writer] = makePipe();
    kq.add({ filter: 'read', fd: reader, oneshot: true });
    kq.modify({ filter: 'read', fd: reader, lowWater: 2 });
    writeSync(writer, 'xy');
    expect(kq.poll()).toHaveLength(1);
    expect([kq.poll(), kq.size]).toEqual([[], 0]);
  });

  test('modify turns a periodic timer into a one-shot one', () => {
    kq.add({ filter: 'timer', id: 1, every: 60_000, udata: 'kept' });
    kq.modify({ filter: 'timer', id: 1, after: 1 });
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ udata: 'kept' }]);
    expect(kq.size).toBe(0);
    expect(error(() => kq.delete({ filter: 'timer', id: 1 })).code).toBe(
      'ENOENT',
    );
  });

  test('modify turns a periodic timer into one with an absolute time', () => {
    kq.add({ filter: 'timer', id: 1, every: 60_000 });
    kq.modify({ filter: 'timer', id: 1, at: Date.now() + 1 });
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ id: 1 }]);
  });

  test('modify, enable and disable refuse an unknown registration', () => {
    const key = { filter: 'timer', id: 9 } as const;
    for (const act of [
      () => kq.enable(key),
      () => kq.disable(key),
      () => kq.modify({ ...key, every: 5 }),
      () => kq.delete(key),
      () => kq.trigger(9),
    ]) {
      expect(error(act)).toMatchObject({ code: 'ENOENT', errno: -2 });
    }
  });
});

const modifiesOnly = gate(
  ['linux', 'darwin', 'freebsd'].includes(kernel.name),
  'only EV_ADD modifies a registration here',
);

modifiesOnly('modify does not register another file at the number', () => {
  const [reader] = makePipe();
  const key = { filter: 'read', fd: reader } as const;
  kq.add({ ...key, udata: 'of the first' });
  // Other code replaces the file.
  const [other, writer] = makePipe();
  dup2(other, reader);
  writeSync(writer, 'x');
  const modify = () => kq.modify({ ...key, lowWater: 1 });
  expect(error(modify)).toMatchObject({ code: 'ENOENT' });
  expect([kq.poll(), kq.size]).toEqual([[], 0]);
});

describe('a registration that the kernel has ended is not counted after', () => {
  const acts: Record<string, (fd: number) => void> = {
    'adding it again': (fd) => kq.add({ filter: 'read', fd }),
    'replacing it': (fd) => kq.add({ filter: 'read', fd, oneshot: true }),
    'modifying it': (fd) => kq.modify({ filter: 'read', fd, lowWater: 2 }),
    'enabling it': (fd) => kq.enable({ filter: 'read', fd }),
    'disabling it': (fd) => kq.disable({ filter: 'read', fd }),
    'deleting it': (fd) => kq.delete({ filter: 'read', fd }),
  };
  for (const [name, act] of Object.entries(acts)) {
    test(name, () => {
      const [reader, writer] = pipe();
      kq.add({ filter: 'read', fd: reader });
      close(reader);
      close(writer);
      expect(['EBADF', 'ENOENT']).toContain(error(() => act(reader)).code);
      expect(kq.size).toBe(0);
    });
  }

  test('triggering it', () => {
    kq.add({ filter: 'user', id: 1 });
    const user = { ident: 1, filter: EVFILT_USER };
    kevent(kq.fd, [{ ...user, flags: EV_DELETE }], null);
    expect(error(() => kq.trigger(1)).code).toBe('ENOENT');
    expect(kq.size).toBe(0);
  });
});

test('a trigger of a registration made with kevent passes no value', () => {
  const user = { ident: 1, filter: EVFILT_USER };
  kevent(kq.fd, [{ ...user, flags: EV_ADD | EV_CLEAR }], null);
  kq.trigger(1, 5);
  const raw = { ident: 1, data: 0, udata: 0 };
  expect(kq.poll()).toMatchObject([{ fflags: 5, udata: undefined, raw }]);
  kq.apply([{ op: 'trigger', id: 1 }]);
  expect(kq.poll()).toMatchObject([{ udata: undefined, raw }]);
});

test('a refused change is reported with its step', () => {
  const timer = { filter: 'timer', id: 9 } as const;
  const steps: [Step, () => void][] = [
    [{ ...timer, op: 'delete' }, () => kq.delete(timer)],
    [{ ...timer, op: 'enable' }, () => kq.enable(timer)],
    [{ ...timer, op: 'disable' }, () => kq.disable(timer)],
    [
      { ...timer, op: 'modify', every: 5 },
      () => kq.modify({ ...timer, every: 5 }),
    ],
    [{ op: 'trigger', id: 9, fflags: 3 }, () => kq.trigger(9, 3)],
  ];
  for (const [step, act] of steps) {
    const [failure] = error(act).failures;
    expect(failure.step).toEqual(step);
    expect(explain(failure.step)).toBe(explain(step));
  }
  const bad: Change = { filter: 'read', fd: 2 ** 30 };
  expect(error(() => kq.add(bad)).failures[0].step).toBe(bad);
});

describe('adding an existing registration replaces', () => {
  test('its value and its parameters', () => {
    const [reader, writer] = makePipe();
    kq.add({ filter: 'read', fd: reader, lowWater: 10, udata: 'old' });
    kq.add({ filter: 'read', fd: reader, udata: 'new' });
    writeSync(writer, 'x');
    expect(kq.poll()).toMatchObject([{ udata: 'new' }]);
    expect(kq.size).toBe(1);
  });

  test('its flags, which the kernel alone would not change', () => {
    const [reader, writer] = makePipe();
    kq.add({ filter: 'read', fd: reader });
    kq.add({ filter: 'read', fd: reader, oneshot: true });
    writeSync(writer, 'x');
    expect(kq.poll()).toHaveLength(1);
    expect(kq.poll()).toEqual([]);
    expect(kq.size).toBe(0);
  });

  test('its disabled state', () => {
    kq.add({ filter: 'user', id: 1, disabled: true });
    kq.trigger(1);
    kq.add({ filter: 'user', id: 1 });
    expect(kq.poll()).toHaveLength(1);
  });

  test('a raw one by one with other flags', () => {
    const kevent = { ident: 1, filter: EVFILT_USER };
    kq.add({ filter: 'raw', kevent, udata: 'level' });
    kq.add({ filter: 'raw', kevent, udata: 'edge', clear: true });
    kq.trigger(1);
    expect(kq.poll()).toMatchObject([{ udata: 'edge' }]);
    expect([kq.poll(), kq.size]).toEqual([[], 1]);
  });

  test('a period with an absolute time', () => {
    kq.add({ filter: 'timer', id: 1, every: 60_000 });
    kq.add({ filter: 'timer', id: 1, at: Date.now() + 1 });
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ id: 1 }]);
  });

  test('nothing if the new one is refused', () => {
    kq.add({ filter: 'timer', id: 1, every: 1, udata: 'old' });
    const overflow: Change = {
      filter: 'timer',
      id: 1,
      every: { ms: 2n ** 62n },
      udata: 'new',
    };
    expect(error(() => kq.add(overflow)).code).toBe('ERANGE');
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ udata: 'old' }]);
  });
});

describe('many changes at once', () => {
  test('a change that fails does not prevent the others', () => {
    const [reader, writer] = makePipe();
    writeSync(writer, 'x');
    const results = kq.apply([
      { filter: 'user', id: 1 },
      { filter: 'read', fd: 2 ** 30 },
      { filter: 'read', fd: reader },
      { op: 'delete', filter: 'timer', id: 5 },
      { op: 'trigger', id: 1 },
    ]);
    expect(results.map(({ ok, error }) => (ok ? 'ok' : error.code))).toEqual([
      'ok',
      'EBADF',
      'ok',
      'ENOENT',
      'ok',
    ]);
    expect(kq.poll().map(({ filter }) => filter)).toEqual(['read', 'user']);
  });

  test('each result has its change', () => {
    const steps: Step[] = [
      { op: 'add', filter: 'user', id: 1 },
      { op: 'delete', filter: 'user', id: 2 },
    ];
    expect(kq.apply(steps).map(({ step }) => step)).toEqual(steps);
  });

  test('add throws one error that lists each change that failed', () => {
    const bad1: Change = { filter: 'read', fd: 2 ** 30 };
    const bad2: Change = { filter: 'write', fd: 2 ** 30 };
    const thrown = error(() =>
      kq.add({ filter: 'user', id: 1 }, bad1, { filter: 'user', id: 2 }, bad2),
    );
    expect(thrown).toBeInstanceOf(KqueueError);
    expect(thrown).toMatchObject({
      code: 'EBADF',
      errno: -9,
      syscall: 'kevent',
      message: `kevent EBADF: add read ${2 ** 30} (and 1 more: EBADF)`,
    });
    expect(thrown.failures.map(({ step }) => step)).toMatchObject([bad1, bad2]);
    kq.trigger(1);
    kq.trigger(2);
    expect(kq.poll()).toHaveLength(2);
  });

  test('a malformed change prevents all others', () => {
    const bad = { filter: 'read', fd: Number.NaN } as const;
    expect(() => kq.add({ filter: 'user', id: 1 }, bad)).toThrow(RangeError);
    expect(kq.size).toBe(0);
    expect(error(() => kq.trigger(1)).code).toBe('ENOENT');
    expect(() => kq.apply('x' as unknown as Step[])).toThrow(TypeError);
    expect(() => kq.apply([{ op: 'ad' } as unknown as Step])).toThrow(
      "'op' must be add, modify, enable, disable, delete or trigger: received",
    );
  });

  test('a thousand changes go in one call, and every failure is reported', () => {
    const steps = Array.from({ length: 1000 }, (_, i): Step => {
      const id = i >> 1;
      return i % 2 === 0
        ? { op: 'add', filter: 'user', id }
        : { op: 'delete', filter: 'timer', id };
    });
    const results = kq.apply(steps);
    expect(results.filter(({ ok }) => ok)).toHaveLength(500);
    expect(kq.size).toBe(500);
  });

  test('later changes of a batch see the results of earlier ones', () => {
    const results = kq.apply([
      { filter: 'timer', id: 1, every: 60_000, udata: 'a' },
      { op: 'disable', filter: 'timer', id: 1 },
      { op: 'modify', filter: 'timer', id: 1, every: 1 },
      { op: 'enable', filter: 'timer', id: 1 },
      { filter: 'user', id: 1 },
      { op: 'delete', filter: 'user', id: 1 },
      { op: 'enable', filter: 'user', id: 1 },
    ]);
    expect(results.map(({ ok }) => ok)).toEqual([
      ...Array.from({ length: 6 }, () => true),
      false,
    ]);
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ udata: 'a' }]);
    expect(kq.size).toBe(1);
  });

  test('changes consume no event', () => {
    kq.add({ filter: 'user', id: 1 });
    kq.trigger(1);
    for (let id = 10; id < 60; id++) kq.add({ filter: 'user', id });
    expect(kq.apply([])).toEqual([]);
    expect(kq.poll()).toMatchObject([{ id: 1 }]);
  });
});

test('delivers no event after delete, not even a collected one', () => {
  for (const id of [1, 2, 3]) kq.add({ filter: 'user', id });
  for (const id of [1, 2, 3]) kq.trigger(id);
  expect(kq.poll({ max: 1 })).toMatchObject([{ id: 1 }]);
  kq.delete({ filter: 'user', id: 2 });
  expect(kq.poll()).toMatchObject([{ id: 3 }]);
});

test('the same ident may be registered with every filter', () => {
  const [reader] = makePipe();
  kq.add(
    { filter: 'user', id: reader, udata: 'user' },
    { filter: 'timer', id: reader, every: 60_000, udata: 'timer' },
    { filter: 'read', fd: reader, udata: 'read' },
  );
  expect(kq.size).toBe(3);
  kq.trigger(reader);
  expect(kq.poll()).toMatchObject([{ udata: 'user' }]);
});

test('a raw change and its raw event go through the same queue', () => {
  const kevent = { ident: 5, filter: EVFILT_TIMER, data: 1 };
  kq.add({ filter: 'raw', kevent, udata: 'raw' });
  expect(kq.wait({ timeout: 5000 })).toMatchObject([
    { filter: 'timer', id: 5, udata: 'raw' },
  ]);
  kq.delete({ filter: 'raw', kevent });
  expect(kq.size).toBe(0);
});

test('a registration made with kevent has no value, and its events are delivered', () => {
  kevent(
    kq.fd,
    [{ ident: 3, filter: EVFILT_TIMER, flags: EV_ADD, data: 1, udata: 77 }],
    null,
  );
  expect(kq.wait({ timeout: 5000 })).toMatchObject([
    { filter: 'timer', id: 3, udata: undefined, raw: { udata: 77 } },
  ]);
});
