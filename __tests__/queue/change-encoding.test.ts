import { kernels } from '../../src/abi/kernels.js';
import { fflagNames, flagNames } from '../../src/abi/names.js';
import type { KernelFacts } from '../../src/abi/shape.js';
import { factsOfRelease } from '../../src/host/dialect.js';
import type { Change, Key } from '../../src/queue/change.js';
import { encoderOf } from '../../src/queue/encoder.js';

const { darwin, freebsd, netbsd, openbsd, dragonfly, libkqueue } = kernels;
const all: readonly KernelFacts[] = Object.values(kernels);

const encode = (facts: KernelFacts, change: Change) =>
  encoderOf(facts).change(change);
const described = (facts: KernelFacts, change: Change) => {
  const { filter, ident, flags, fflags, data } = encode(facts, change);
  return {
    ident,
    flags: flagNames(facts, flags),
    fflags: fflagNames(facts, filter, fflags),
    data,
  };
};

test.each(all.map((facts) => [facts.name, facts] as const))(
  'every filter has its number of %s',
  (_, facts) => {
    const { constants } = facts;
    const keys: [Key, number | undefined][] = [
      [{ filter: 'read', fd: 1 }, constants.EVFILT_READ],
      [{ filter: 'write', fd: 1 }, constants.EVFILT_WRITE],
      [{ filter: 'except', fd: 1 }, constants.EVFILT_EXCEPT],
      [{ filter: 'vnode', fd: 1 }, constants.EVFILT_VNODE],
      [{ filter: 'proc', pid: 1 }, constants.EVFILT_PROC],
      [{ filter: 'signal', signal: 'SIGHUP' }, constants.EVFILT_SIGNAL],
      [{ filter: 'timer', id: 1 }, constants.EVFILT_TIMER],
      [{ filter: 'user', id: 1 }, constants.EVFILT_USER],
    ];
    for (const [key, number] of keys) {
      if (number === undefined) {
        expect(() => encoderOf(facts).key(key)).toThrow(
          expect.objectContaining({ code: 'ERR_KQUEUE_UNSUPPORTED' }),
        );
      } else {
        expect(encoderOf(facts).key(key)).toEqual({ filter: number, ident: 1 });
      }
    }
  },
);

test('encodes a low-water mark as NOTE_LOWAT and data', () => {
  expect(described(darwin, { filter: 'read', fd: 5, lowWater: 100 })).toEqual({
    ident: 5,
    flags: [],
    fflags: ['NOTE_LOWAT'],
    data: 100,
  });
  expect(described(darwin, { filter: 'write', fd: 5 })).toEqual({
    ident: 5,
    flags: [],
    fflags: [],
    data: 0,
  });
});

test('encodes options as the flags of the header', () => {
  const change: Change = {
    filter: 'read',
    fd: 5,
    clear: true,
    oneshot: true,
    dispatch: true,
    disabled: true,
  };
  expect(described(freebsd, change).flags.sort()).toEqual([
    'EV_CLEAR',
    'EV_DISABLE',
    'EV_DISPATCH',
    'EV_ONESHOT',
  ]);
});

test('user and vnode events are edge-triggered by default', () => {
  expect(described(darwin, { filter: 'user', id: 1 }).flags).toEqual([
    'EV_CLEAR',
  ]);
  expect(
    described(darwin, { filter: 'vnode', fd: 1, notes: 'write' }).flags,
  ).toEqual(['EV_CLEAR']);
  expect(
    described(darwin, { filter: 'user', id: 1, clear: false }).flags,
  ).toEqual([]);
});

test('a change without options is level-triggered and has zeros', () => {
  const plain: Change[] = [
    { filter: 'write', fd: 1 },
    { filter: 'signal', signal: 'SIGHUP' },
    { filter: 'raw', kevent: { ident: 1, filter: -3 } },
  ];
  for (const change of plain) {
    const found = encode(darwin, change);
    expect(found).toMatchObject({ flags: 0, fflags: 0, data: 0 });
  }
  const except = encode(darwin, { filter: 'except', fd: 1 });
  const { NOTE_OOB } = darwin.constants;
  expect(except).toMatchObject({ flags: 0, fflags: NOTE_OOB, data: 0 });
  const vnode = { filter: 'vnode', fd: 1, notes: 'write' } as const;
  expect(encode(darwin, vnode).data).toBe(0);
  const proc = { filter: 'proc', pid: 1, notes: 'fork' } as const;
  expect(encode(darwin, proc)).toMatchObject({ flags: 0, data: 0 });
  const user = encode(darwin, { filter: 'user', id: 1 });
  expect(user).toMatchObject({ fflags: 0, data: 0 });
  expect(encoderOf(darwin).trigger({ id: 1 }).data).toBe(0);
});

test('encodes notes as the NOTE_ bits of their filter', () => {
  const vnode = described(freebsd, {
    filter: 'vnode',
    fd: 3,
    notes: ['delete', 'close_write', 'rename'],
  });
  expect(vnode.fflags.sort()).toEqual([
    'NOTE_CLOSE_WRITE',
    'NOTE_DELETE',
    'NOTE_RENAME',
  ]);
  const proc: Change = { filter: 'proc', pid: 1, notes: ['exit', 'fork'] };
  expect(described(darwin, proc).fflags).toEqual(['NOTE_EXIT', 'NOTE_FORK']);
  expect(encode(darwin, proc).fflags).toBe(0xc0000000);
});

test('encodes exitstatus as NOTE_EXIT if every exit has the status', () => {
  const change: Change = { filter: 'proc', pid: 1, notes: 'exitstatus' };
  expect(described(darwin, change).fflags).toEqual(['NOTE_EXITSTATUS']);
  for (const facts of [freebsd, netbsd, openbsd, dragonfly, libkqueue]) {
    expect(described(facts, change).fflags).toEqual(['NOTE_EXIT']);
  }
});

test('requests the status of an exit only where the kernel asks for that', () => {
  const change: Change = { filter: 'proc', pid: 1, notes: ['exit'] };
  const { NOTE_EXITSTATUS } = darwin.constants;
  expect(encode(darwin, change).optional).toBe(NOTE_EXITSTATUS);
  for (const facts of [freebsd, netbsd, openbsd, dragonfly, libkqueue]) {
    expect(encode(facts, change).optional).toBe(0);
  }
});

test('rejects a missing note by name, and a typo differently', () => {
  expect(() =>
    encode(openbsd, { filter: 'vnode', fd: 1, notes: 'close_write' }),
  ).toThrow(
    expect.objectContaining({
      code: 'ERR_KQUEUE_UNSUPPORTED',
      message: expect.stringContaining('openbsd has no NOTE_CLOSE_WRITE'),
    }),
  );
  const typo = { filter: 'vnode', fd: 1, notes: 'wirte' } as unknown as Change;
  expect(() => encode(darwin, typo)).toThrow(RangeError);
  // A NOTE_ constant of another filter is not a note of this one.
  const others = [
    { filter: 'vnode', fd: 1, notes: 'exit' },
    { filter: 'vnode', fd: 1, notes: 'exitstatus' },
    { filter: 'proc', pid: 1, notes: 'exti' },
    { filter: 'proc', pid: 1, notes: 'delete' },
  ];
  for (const other of others as unknown as Change[]) {
    for (const facts of [darwin, freebsd]) {
      expect(() => encode(facts, other)).toThrow(RangeError);
    }
  }
  const number = { filter: 'vnode', fd: 1, notes: 1 } as unknown as Change;
  expect(() => encode(darwin, number)).toThrow(TypeError);
});

test('rejects dispatch for timers and signals on NetBSD, which ignores it', () => {
  const timer: Change = { filter: 'timer', id: 1, every: 1, dispatch: true };
  const signal: Change = { filter: 'signal', signal: 'SIGHUP', dispatch: true };
  for (const change of [timer, signal]) {
    expect(() => encode(netbsd, change)).toThrow(
      expect.objectContaining({ code: 'ERR_KQUEUE_UNSUPPORTED' }),
    );
    expect(described(darwin, change).flags).toEqual(['EV_DISPATCH']);
  }
  const read: Change = { filter: 'read', fd: 1, dispatch: true };
  expect(described(netbsd, read).flags).toEqual(['EV_DISPATCH']);
});

test('rejects user events on a release without them, with a reason', () => {
  for (const facts of [
    factsOfRelease(netbsd, '9.3'),
    factsOfRelease(openbsd, '7.7'),
  ]) {
    expect(() => encode(facts, { filter: 'user', id: 1 })).toThrow(
      expect.objectContaining({ code: 'ERR_KQUEUE_UNSUPPORTED' }),
    );
  }
});

test('accepts a signal as a name or a number of the system', () => {
  const { filter, ident } = encode(darwin, {
    filter: 'signal',
    signal: 'SIGUSR1',
  });
  expect({ filter, ident }).toEqual({ filter: -6, ident: 30 });
  expect(encode(libkqueue, { filter: 'signal', signal: 'SIGUSR1' }).ident).toBe(
    10,
  );
  expect(encode(darwin, { filter: 'signal', signal: 2 }).ident).toBe(2);
});

test('a signal without a name is accepted, unless it is to be caught', () => {
  const signal = { filter: 'signal', signal: 1000 } as const;
  expect(encode(darwin, signal).ident).toBe(1000);
  expect(encode(darwin, { ...signal, catch: false }).ident).toBe(1000);
  for (const uncaught of [signal, { ...signal, signal: 'SIGKILL' } as const]) {
    expect(() => encode(darwin, { ...uncaught, catch: true })).toThrow(
      RangeError,
    );
  }
});

test('a trigger copies its 24 bits, or keeps the stored ones', () => {
  const { trigger } = encoderOf(darwin);
  expect(trigger({ id: 7 }).fflags).toBe(0x01000000);
  expect(trigger({ id: 7, fflags: 0 }).fflags).toBe(0xc1000000);
  expect(trigger({ id: 7, fflags: 0xffffff }).fflags).toBe(0xc1ffffff);
  for (const fflags of [-1, 0x1000000, 1.5, Number.NaN]) {
    expect(() => trigger({ id: 7, fflags })).toThrow(RangeError);
  }
});

test('a raw change is passed to the kernel unchanged', () => {
  const kevent = {
    ident: 3,
    filter: -9,
    flags: 0x20,
    fflags: 8,
    data: -5,
  };
  expect(encode(darwin, { filter: 'raw', kevent })).toEqual({
    ...kevent,
    ext: undefined,
  });
});

test('the flags of a raw change are 32 bits, signed or not', () => {
  const raw = (flags: number): Change => ({
    filter: 'raw',
    kevent: { ident: 3, filter: -9, flags },
  });
  for (const flags of [-(2 ** 31), 2 ** 31]) {
    expect(encode(netbsd, raw(flags)).flags >>> 0).toBe(2 ** 31);
  }
  for (const flags of [-(2 ** 31) - 1, 2 ** 32]) {
    expect(() => encode(netbsd, raw(flags))).toThrow(RangeError);
  }
});

test('a raw change cannot set the udata that the queue uses', () => {
  const { EV_UDATA_SPECIFIC } = darwin.constants;
  const kevent = { ident: 3, filter: -1, flags: EV_UDATA_SPECIFIC };
  expect(() => encode(darwin, { filter: 'raw', kevent })).toThrow(
    expect.objectContaining({ code: 'ERR_KQUEUE_UNSUPPORTED' }),
  );
});

test('treats a number and a bigint as the same id', () => {
  const { key } = encoderOf(darwin);
  const timer = (id: number | bigint) => key({ filter: 'timer', id }).ident;
  expect(timer(5n)).toBe(5);
  expect(timer(-1n)).toBe(2n ** 64n - 1n);
  expect(timer(2n ** 60n)).toBe(2n ** 60n);
  expect(timer(0)).toBe(0);
});

test('accepts the whole range of each ident, and no more', () => {
  const { key } = encoderOf(darwin);
  const timer = (id: number | bigint) => key({ filter: 'timer', id }).ident;
  const proc = (pid: number) => key({ filter: 'proc', pid }).ident;
  const read = (fd: number) => key({ filter: 'read', fd }).ident;
  expect(timer(-(2n ** 63n))).toBe(2n ** 63n);
  expect(timer(2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
  for (const number of [0, 2 ** 31 - 1]) {
    expect([proc(number), read(number)]).toEqual([number, number]);
  }
  const beyond = [
    () => timer(-(2n ** 63n) - 1n),
    () => timer(2n ** 64n),
    () => timer(2 ** 53),
    ...[-1, 2 ** 31].flatMap((number) => [
      () => proc(number),
      () => read(number),
    ]),
  ];
  for (const act of beyond) expect(act).toThrow(/must be an integer/);
});

describe('rejects bad arguments in one form, before it calls the kernel', () => {
  const bad: [string, unknown, string][] = [
    ['no object', 5, "'change' must be an object: received 5"],
    ['no filter', { fd: 1 }, "'filter' must be read, write"],
    ['a filter there is not', { filter: 'reed', fd: 1 }, 'received "reed"'],
    ['fd NaN', { filter: 'read', fd: Number.NaN }, 'received NaN'],
    ['fd -1', { filter: 'read', fd: -1 }, 'received -1'],
    ['fd 1.5', { filter: 'read', fd: 1.5 }, 'received 1.5'],
    ['fd 2**31', { filter: 'read', fd: 2 ** 31 }, 'received 2147483648'],
    ['fd missing', { filter: 'read' }, 'received undefined'],
    ['fd of a closed handle', { filter: 'read', fd: { fd: -1 } }, 'open'],
    ['fd of a socket before connect', { filter: 'read', fd: {} }, 'an object'],
    ['pid 0.5', { filter: 'proc', pid: 0.5, notes: 'exit' }, "'pid' must be"],
    ['no notes', { filter: 'vnode', fd: 1 }, "'notes' must be one of delete"],
    ['signal typo', { filter: 'signal', signal: 'SIGFOO' }, '"SIGFOO"'],
    ['signal null', { filter: 'signal', signal: null }, 'received null'],
    ['id -1', { filter: 'user', id: -1 }, "'id' must be an integer"],
    ['lowWater 0', { filter: 'read', fd: 1, lowWater: 0 }, "'lowWater'"],
    ['raw without kevent', { filter: 'raw' }, "'kevent' must be an object"],
    ['kevent null', { filter: 'raw', kevent: null }, 'received null'],
    ['null', null, "'change' must be an object: received null"],
    ...['x', Number.NaN, 1.5, 2 ** 40, {}, null, 5n, [32]].map(
      (flags): [string, unknown, string] => [
        `raw flags ${String(flags)}`,
        { filter: 'raw', kevent: { ident: 1, filter: -1, flags } },
        "'flags' must be an integer of 32 bits: received",
      ],
    ),
    [
      'a timer for ever',
      { filter: 'timer', id: 1, at: 1e300 },
      "'at' must be less than 2**63 of its units: received 1e+300",
    ],
  ];

  test.each(bad)('%s', (_, change, message) => {
    const act = () => encode(darwin, change as Change);
    expect(act).toThrow(message);
    expect(act).toThrow(/^Cannot change a queue as '/);
    let error: unknown;
    try {
      act();
    } catch (thrown) {
      error = thrown;
    }
    expect([TypeError, RangeError]).toContain(
      (error as Error).constructor as typeof TypeError,
    );
  });
});

test('rejects an array in place of a change, with what to write instead', () => {
  const changes: unknown = [{ filter: 'user', id: 1 }];
  const spread = /received an array; changes are arguments.*\.\.\.changes$/;
  const encoder = encoderOf(darwin);
  expect(() => encoder.key(changes as Key)).toThrow(spread);
  expect(() => encoder.change(changes as Change)).toThrow(spread);
});
