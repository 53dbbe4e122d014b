// Wrong arguments: which error, which words, and that nothing was done.
import { freebsd } from '../../src/abi/tables.js';
import { listFor } from '../../src/calls/kevent-list.js';
import { syscallsOf } from '../../src/calls/syscalls.js';
import {
  close,
  EV_ADD,
  EVFILT_USER,
  type KeventInit,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from '../../src/index.js';
import type { Kernel } from '../../src/memory/kernel.js';
import { wordsOf } from '../../src/memory/kevent-memory.js';
import { layoutOf } from '../../src/memory/layout.js';

const words = wordsOf(layoutOf(freebsd, 'x64', 'kevent'));

/** A kernel that only writes down that it was called. */
function recorder() {
  const called: string[] = [];
  const kernel: Kernel = {
    facts: freebsd,
    words,
    width: { wideSec: true, wideNsec: true },
    kqueue: () => called.push('kqueue'),
    kevent: () => called.push('kevent') * 0,
    close: () => called.push('close') * 0,
    errno: () => 0,
  };
  const calls = syscallsOf(() => {
    called.push('loaded');
    return kernel;
  });
  return { called, calls };
}

type Wrong = [unknown, string];

const NOT_INTEGERS: Wrong[] = [
  [Number.NaN, 'NaN'],
  [0.5, '0.5'],
  [-1, '-1'],
  [2 ** 31, '2147483648'],
  [2 ** 53, '9007199254740992'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
];
const NOT_NUMBERS: Wrong[] = [
  [3n, '3n'],
  ['3', '"3"'],
  [null, 'null'],
  [undefined, 'undefined'],
  [true, 'true'],
  [{}, 'an object'],
  [[3], 'an object'],
  [Symbol('fd'), 'a symbol'],
  [() => 3, 'a function'],
  [Object(3), 'an object'],
];

describe.each([
  ['kevent', 'kq'],
  ['close', 'fd'],
] as const)("the descriptor of %s, '%s',", (syscall, name) => {
  const attempt = (value: unknown) => {
    const { called, calls } = recorder();
    const call = () =>
      syscall === 'kevent'
        ? calls.kevent(value as number, null, null, 0)
        : calls.close(value as number);
    return { called, call };
  };
  const message = (said: string) =>
    `Cannot call ${syscall} as '${name}' must be an integer from 0 to 2147483647: received ${said}`;

  test.each(NOT_INTEGERS)('throws a RangeError for %p', (value, said) => {
    const { called, call } = attempt(value);
    expect(call).toThrow(new RangeError(message(said)));
    expect(call).toThrow(RangeError);
    expect(called).toEqual([]);
  });

  test.each(NOT_NUMBERS)('throws a TypeError for %p', (value, said) => {
    const { called, call } = attempt(value);
    expect(call).toThrow(new TypeError(message(said)));
    expect(call).toThrow(TypeError);
    expect(called).toEqual([]);
  });

  test('accepts 0, -0 and 2147483647', () => {
    for (const value of [0, -0, 2147483647]) {
      const { called, call } = attempt(value);
      expect(call).not.toThrow();
      expect(called).toEqual(['loaded', syscall]);
    }
  });
});

const proxied = new Proxy(new KeventList(1), {});
const disguised = Object.create(KeventList.prototype);
const otherLayout = listFor(
  wordsOf(layoutOf(freebsd, 'x64', 'freebsd11_kevent')),
  1,
);

describe("kevent's change list", () => {
  test.each<Wrong>([
    [undefined, 'undefined'],
    [1, '1'],
    ['[]', '"[]"'],
    [{}, 'an object'],
    [{ ident: 1, filter: 1 }, 'an object'],
    [new Set(), 'an object'],
    [new Uint8Array(32), 'an object'],
    [{ length: 0 }, 'an object'],
    [proxied, 'an object'],
    [disguised, 'an object'],
  ])('throws a TypeError for %p', (value, said) => {
    const { called, calls } = recorder();
    expect(() => calls.kevent(3, value as null, null)).toThrow(
      new TypeError(
        `Cannot call kevent as 'changelist' must be a KeventList, an array of kevents or null: received ${said}`,
      ),
    );
    expect(called).not.toContain('kevent');
  });

  test('rejects holes', () => {
    const { called, calls } = recorder();
    const sparse: KeventInit[] = [];
    sparse[1] = { ident: 1, filter: 1 };
    expect(() => calls.kevent(3, sparse, null)).toThrow(
      new TypeError(
        "Cannot encode a kevent as 'kevent' must be an object: received undefined",
      ),
    );
    expect(called).not.toContain('kevent');
  });

  test('rejects more than 2**20 changes', () => {
    const { called, calls } = recorder();
    const endless = new Array<KeventInit>(2 ** 20 + 1);
    expect(() => calls.kevent(3, endless, null)).toThrow(
      new RangeError(
        "Cannot call kevent as 'changelist' must be at most 2**20 changes: received 1048577",
      ),
    );
    expect(called).not.toContain('kevent');
  });

  test('rejects a list with the layout of another kernel', () => {
    const { called, calls } = recorder();
    expect(() => calls.kevent(3, otherLayout, null)).toThrow(
      new TypeError(
        "Cannot call kevent as 'changelist' must be a KeventList of this kernel's layout: received an object",
      ),
    );
    expect(called).not.toContain('kevent');
  });
});

describe("kevent's event list", () => {
  test.each<Wrong>([
    [undefined, 'undefined'],
    [[], 'an object'],
    [1, '1'],
    [new ArrayBuffer(64), 'an object'],
    [proxied, 'an object'],
    [disguised, 'an object'],
    [KeventList, 'a function'],
  ])('throws a TypeError for %p', (value, said) => {
    const { called, calls } = recorder();
    expect(() => calls.kevent(3, null, value as null)).toThrow(
      new TypeError(
        `Cannot call kevent as 'eventlist' must be a KeventList or null: received ${said}`,
      ),
    );
    expect(called).not.toContain('kevent');
  });

  test('rejects a list with the layout of another kernel', () => {
    const { called, calls } = recorder();
    expect(() => calls.kevent(3, null, otherLayout)).toThrow(TypeError);
    expect(called).not.toContain('kevent');
  });
});

describe("kevent's timeout", () => {
  const attempt = (timeout: unknown) => {
    const { called, calls } = recorder();
    const call = () => calls.kevent(3, null, null, timeout as number);
    return { called, call };
  };

  test.each<Wrong>([
    [-1, '-1'],
    [-1e-9, '-1e-9'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [2147483647001, '2147483647001'],
  ])('throws a RangeError for %p', (value, said) => {
    const { called, call } = attempt(value);
    expect(call).toThrow(
      new RangeError(
        `Cannot call kevent as 'timeout' must be a number of milliseconds from 0 to 2147483647000, or null to wait indefinitely: received ${said}`,
      ),
    );
    expect(called).not.toContain('kevent');
  });

  test.each<Wrong>([
    ['1', '"1"'],
    [true, 'true'],
    [1n, '1n'],
    [Symbol('t'), 'a symbol'],
    [() => 1, 'a function'],
  ])('throws a TypeError for %p', (value, said) => {
    const { called, call } = attempt(value);
    expect(call).toThrow(
      new TypeError(
        `Cannot call kevent as 'timeout' must be null, a number of milliseconds or { tv_sec, tv_nsec }: received ${said}`,
      ),
    );
    expect(called).not.toContain('kevent');
  });

  test.each<[string, object, string, string]>([
    ['an empty object', {}, 'tv_sec', 'undefined'],
    ['an array', [1, 2], 'tv_sec', 'undefined'],
    ['a fraction', { tv_sec: 0.5, tv_nsec: 0 }, 'tv_sec', '0.5'],
    ['NaN', { tv_sec: 0, tv_nsec: Number.NaN }, 'tv_nsec', 'NaN'],
    ['2**53', { tv_sec: 0, tv_nsec: 2 ** 53 }, 'tv_nsec', '9007199254740992'],
    ['2n**63n', { tv_sec: 2n ** 63n, tv_nsec: 0 }, 'tv_sec', `${2n ** 63n}n`],
    ['a Date', new Date(), 'tv_sec', 'undefined'],
  ])('rejects a field that is %s', (_, timeout, field, said) => {
    const { called, call } = attempt(timeout);
    expect(call).toThrow(
      `Cannot call kevent as '${field}' must be a safe integer, or a bigint of 64 bits: received ${said}`,
    );
    expect(called).not.toContain('kevent');
  });
});

test('applies no change if one of them is invalid', () => {
  const kq = kqueue();
  const good = {
    ident: 1,
    filter: EVFILT_USER,
    flags: EV_ADD,
    fflags: NOTE_TRIGGER,
  };
  const events = new KeventList(4);
  for (const bad of [
    { ...good, ident: -1 },
    { ...good, filter: 40_000 },
    { ...good, data: Number.NaN },
    { ...good, udata: 'x' as unknown as bigint },
  ]) {
    expect(() => kevent(kq, [good, bad, good], events, 0)).toThrow(
      /^Cannot encode a kevent as/,
    );
    expect(kevent(kq, null, events, 0)).toBe(0);
  }
  close(kq);
});

test('applies no change if the timeout is invalid', () => {
  const kq = kqueue();
  const events = new KeventList(4);
  const flags = EV_ADD;
  const change = {
    ident: 1,
    filter: EVFILT_USER,
    flags,
    fflags: NOTE_TRIGGER,
  };
  expect(() => kevent(kq, [change], events, -1)).toThrow(RangeError);
  expect(kevent(kq, null, events, 0)).toBe(0);
  close(kq);
});
