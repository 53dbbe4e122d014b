import { runInNewContext } from 'node:vm';
import { kernels } from '../../src/abi/kernels.js';
import { fflagNames } from '../../src/abi/names.js';
import type { KernelFacts } from '../../src/abi/shape.js';
import { factsOfRelease } from '../../src/host/dialect.js';
import type { Change, TimerWhen } from '../../src/queue/change.js';
import type { Duration, TimePoint } from '../../src/queue/duration.js';
import { encoderOf } from '../../src/queue/encoder.js';

const timer = (facts: KernelFacts, when: TimerWhen) => {
  const change = { filter: 'timer', id: 1, ...when } as Change;
  const { flags, fflags, data, filter } = encoderOf(facts).change(change);
  return {
    names: fflagNames(facts, filter, fflags),
    data,
    once: (flags & facts.constants.EV_ONESHOT) !== 0,
  };
};

const { darwin, freebsd, openbsd, netbsd, dragonfly, libkqueue } = kernels;
const withUnits: readonly KernelFacts[] = [
  darwin,
  freebsd,
  openbsd,
  netbsd,
  libkqueue,
];

describe.each(withUnits.map((facts) => [facts.name, facts] as const))(
  'on %s',
  (_, facts) => {
    const microseconds = facts.timerUnits.microseconds;
    const nanoseconds = facts.timerUnits.nanoseconds;
    const absolute = facts.timerUnits.absolute;

    test('passes 500 microseconds unchanged, in any notation', () => {
      const expected = { names: [microseconds], data: 500, once: false };
      expect(timer(facts, { every: 0.5 })).toEqual(expected);
      expect(timer(facts, { every: { ms: 0.5 } })).toEqual(expected);
      expect(timer(facts, { every: { us: 500 } })).toEqual(expected);
      expect(timer(facts, { every: { ns: 500_000n } })).toEqual(expected);
    });

    test('passes milliseconds unchanged, without a unit', () => {
      const expected = { names: expect.anything(), data: 250, once: false };
      for (const every of [250, { ms: 250 }, { s: 0.25 }, { us: 250_000 }]) {
        const encoded = timer(facts, { every });
        expect(encoded).toEqual(expected);
        // On kernels with a field of units, milliseconds are its zero.
        expect(encoded.names).toEqual([]);
      }
    });

    test('does not round a nanosecond to zero', () => {
      expect(timer(facts, { after: { ns: 1 } })).toEqual({
        names: [nanoseconds],
        data: 1,
        once: true,
      });
    });

    test('passes a fraction of a microsecond in nanoseconds', () => {
      expect(timer(facts, { every: 16.6667 })).toEqual({
        names: [nanoseconds],
        data: 16_666_700,
        once: false,
      });
    });

    test('zero becomes the shortest duration', () => {
      expect(timer(facts, { after: 0 })).toEqual({
        names: [nanoseconds],
        data: 1,
        once: true,
      });
    });

    test('a fraction of a nanosecond is not zero', () => {
      const expected = { names: [nanoseconds], data: 1 };
      for (const ns of [0.4, 1e-9]) {
        expect(timer(facts, { every: { ns } })).toMatchObject(expected);
        expect(timer(facts, { after: { ns } })).toMatchObject(expected);
      }
    });

    test('a Date is an absolute time in milliseconds, and fires once', () => {
      const foreign: Date = runInNewContext('new Date(4800000000123)');
      for (const at of [new Date(4_800_000_000_123), foreign]) {
        expect(timer(facts, { at })).toEqual({
          names: [absolute],
          data: 4_800_000_000_123,
          once: true,
        });
      }
    });

    test('a time in nanoseconds beyond 2**53 is exact', () => {
      const at = { ns: 4_800_000_000_123_456_789n };
      expect(timer(facts, { at })).toEqual(
        facts.name === 'freebsd'
          ? {
              names: expect.arrayContaining([microseconds, absolute]),
              data: 4_800_000_000_123_457,
              once: true,
            }
          : {
              names: expect.arrayContaining([nanoseconds, absolute]),
              data: 4_800_000_000_123_456_789n,
              once: true,
            },
      );
    });

    test('a long duration in a fine unit does not overflow', () => {
      const encoded = timer(facts, { every: { s: 100 * 365 * 86_400 } });
      expect(encoded.names).toEqual([]);
      expect(encoded.data).toBe(100 * 365 * 86_400 * 1000);
    });
  },
);

test('accepts up to 2**63-1 of its units, and no more', () => {
  const data = 2n ** 63n - 1n;
  expect(timer(darwin, { every: { ns: data } }).data).toBe(data);
  expect(timer(darwin, { at: { ns: data } }).data).toBe(data);
  const beyond = { ns: data + 1n };
  for (const when of [{ every: beyond }, { after: beyond }, { at: beyond }]) {
    expect(() => timer(darwin, when as TimerWhen)).toThrow(RangeError);
  }
});

describe('on freebsd', () => {
  // Up to 13.0 it reads the fraction of a second as microseconds.
  test.each([
    [{ ns: 1_500_000_001 }, 1_500_001],
    [1000.0005, 1_000_001],
    [{ s: 2.000_000_001 }, 2_000_001],
  ])('from a second on, %p is rounded up to microseconds', (every, data) => {
    const expected = { names: ['NOTE_USECONDS'], data, once: false };
    expect(timer(freebsd, { every })).toEqual(expected);
  });

  test('less than a second is passed in nanoseconds', () => {
    const expected = {
      names: ['NOTE_NSECONDS'],
      data: 999_999_999,
      once: false,
    };
    expect(timer(freebsd, { every: { ns: 999_999_999 } })).toEqual(expected);
  });

  test('passes a time before the boot as already elapsed', () => {
    const started = Date.now() - 60_000;
    for (const at of [new Date(0), 1, { ns: 1n }, new Date(started)]) {
      const { names, data, once } = timer(freebsd, { at });
      expect([names, once]).toEqual([['NOTE_ABSTIME'], true]);
      expect(data).toBeGreaterThan(started);
      expect(data).toBeLessThanOrEqual(Date.now());
    }
  });
});

test('uses the unit bits of each kernel', () => {
  const bits = (facts: KernelFacts, every: TimerWhen['every']) =>
    encoderOf(facts).change({ filter: 'timer', id: 1, every: every ?? 1 })
      .fflags;
  expect(withUnits.map((facts) => bits(facts, 0.5))).toEqual([2, 4, 2, 2, 2]);
  expect(withUnits.map((facts) => bits(facts, { ns: 7 }))).toEqual([
    4, 8, 3, 3, 4,
  ]);
});

describe.each([
  ['dragonfly', dragonfly],
  ['openbsd 7.3', factsOfRelease(openbsd, '7.3')],
  ['netbsd 9.3', factsOfRelease(netbsd, '9.3')],
])('a kernel whose timers have no units: %s', (_, facts) => {
  test.each<[Duration, number | bigint]>([
    [0, 1],
    [20, 20],
    [0.5, 1],
    [{ us: 1 }, 1],
    [{ us: 1500 }, 2],
    [{ us: 2000 }, 2],
    [{ ns: 1 }, 1],
    [{ ns: 999_999 }, 1],
    [{ ns: 1_000_001 }, 2],
    [{ s: 1.0001 }, 1001],
    [{ ns: 2n ** 63n }, 9_223_372_036_855],
  ])('%p becomes %p milliseconds, rounded up', (after, data) => {
    expect(timer(facts, { after })).toEqual({ names: [], data, once: true });
  });

  test.each<[string, TimePoint]>([
    ['a Date', new Date(4_800_000_000_123)],
    ['seconds', { s: 1_800_000_000 }],
    ['now', Date.now()],
  ])('an absolute time is refused: %s', (_, at) => {
    expect(() => timer(facts, { at })).toThrow(
      expect.objectContaining({
        code: 'ERR_KQUEUE_UNSUPPORTED',
        message: expect.stringContaining("there is no 'at': use 'after'"),
      }),
    );
    expect(() => timer(facts, { at: -1 })).toThrow(RangeError);
  });
});

test('uses the constants of each release', () => {
  expect(factsOfRelease(openbsd, '7.8')).toBe(openbsd);
  expect(factsOfRelease(netbsd, '10.1')).toBe(netbsd);
  expect(factsOfRelease(freebsd, '9.0')).toBe(freebsd);
  // The units came with 7.4, user events with 7.8.
  const { constants, timerUnits } = factsOfRelease(openbsd, '7.4');
  expect(timerUnits).toBe(openbsd.timerUnits);
  expect(constants).toMatchObject({ NOTE_USECONDS: 2, NOTE_ABSTIME: 16 });
  expect(constants).not.toHaveProperty('EVFILT_USER');
  expect(constants).not.toHaveProperty('NOTE_TRIGGER');
});

test.each(['netbsd 9.3', 'openbsd 7.3'])(
  'on %s rejects a raw timer with a unit that the kernel ignores',
  (release) => {
    const [name, version] = release.split(' ') as [
      'netbsd' | 'openbsd',
      string,
    ];
    const facts = factsOfRelease(kernels[name], version);
    const raw = (fflags: number) => {
      const { EVFILT_TIMER: filter } = facts.constants;
      const kevent = { ident: 1, filter, fflags, data: 1500 };
      return encoderOf(facts).change({ filter: 'raw', kevent });
    };
    const { NOTE_SECONDS, NOTE_USECONDS, NOTE_NSECONDS, NOTE_ABSTIME } =
      kernels[name].constants;
    expect(raw(0)).toMatchObject({ fflags: 0, data: 1500 });
    // The same bits are notes of another filter.
    const { EVFILT_VNODE: filter } = facts.constants;
    const kevent = { ident: 1, filter, fflags: 3 };
    const vnode = encoderOf(facts).change({ filter: 'raw', kevent });
    expect(vnode).toMatchObject({ fflags: 3 });
    // No unit: it is the kernel's matter.
    expect(raw(0x800)).toMatchObject({ fflags: 0x800, data: 1500 });
    for (const bits of [
      NOTE_SECONDS,
      NOTE_USECONDS,
      NOTE_NSECONDS,
      NOTE_ABSTIME,
    ]) {
      expect(() => raw(bits)).toThrow(
        expect.objectContaining({ code: 'ERR_KQUEUE_UNSUPPORTED' }),
      );
    }
  },
);

describe('rejects bad arguments before it calls the kernel', () => {
  const bad: [string, unknown, string][] = [
    ['every: 0', { every: 0 }, "'every' must be more than 0: received 0"],
    ['every: -1', { every: -1 }, "'every' must be more than 0: received -1"],
    ['after: -1', { after: -1 }, "'after' must be 0 or more: received -1"],
    ['after: NaN', { after: Number.NaN }, "'after' must be a number of"],
    ['after: Infinity', { after: Infinity }, "'after' must be a number of"],
    ['after: { s: NaN }', { after: { s: Number.NaN } }, "'after.s' must be"],
    ['after: "1s"', { after: '1s' }, 'received "1s"'],
    ['after: {}', { after: {} }, 'received an object'],
    ['two units', { after: { s: 1, ms: 1 } }, 'in one unit only'],
    ['an invalid Date', { at: new Date(Number.NaN) }, "'at' must be"],
    ['a Date before 1970', { at: new Date(-1) }, "'at' must be a time from"],
    ['at: -1', { at: -1 }, "'at' must be a time from 1970 on: received -1"],
    ['at: { s: -1 }', { at: { s: -1 } }, 'received -1'],
    ['at: { ms: -1n }', { at: { ms: -1n } }, 'received -1n'],
    ['at: { us: -1 }', { at: { us: -1 } }, 'received -1'],
    ['at: { ns: -1 }', { at: { ns: -1 } }, 'received -1'],
    ['no time', {}, "'every', 'after' and 'at': received undefined"],
    ['two times', { every: 1, after: 1 }, 'received "several"'],
  ];

  test.each(bad)('%s', (_, when, message) => {
    expect(() => timer(darwin, when as TimerWhen)).toThrow(message);
    expect(() => timer(darwin, when as TimerWhen)).toThrow(
      /^Cannot change a queue as '/,
    );
  });
});
