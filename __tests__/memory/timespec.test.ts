// Timeouts: exact to the nanosecond, and never rounded down.
import fc from 'fast-check';
import { Timespec } from '../../src/index.js';
import {
  allocateTimespec,
  encodeTimeout,
  type Timeout,
  type TimespecWidth,
} from '../../src/memory/timespec.js';
import { expectSame } from '../support/same.js';

const WIDE: TimespecWidth = { wideSec: true, wideNsec: true };
/** OpenBSD and NetBSD on a 32-bit CPU, and FreeBSD on i386. */
const MIXED: TimespecWidth = { wideSec: true, wideNsec: false };
const NARROW: TimespecWidth = { wideSec: false, wideNsec: false };

const MAX_MS = 2147483647000;

const int = (bytes: DataView, at: number, wide: boolean): bigint =>
  wide ? bytes.getBigInt64(at, true) : BigInt(bytes.getInt32(at, true));

/** The bytes of a timeout, or undefined for none. */
function encoded(timeout: Timeout, width = WIDE): [bigint, bigint] | undefined {
  const memory = allocateTimespec();
  memory.u32.fill(0xa5a5a5a5);
  const written = encodeTimeout(memory, width, timeout, 'test');
  if (written !== memory) {
    expectSame([...memory.u32], Array(4).fill(0xa5a5a5a5));
  }
  if (written === null) return undefined;
  const bytes = new DataView(written.u32.buffer);
  const sec = int(bytes, 0, width.wideSec);
  return [sec, int(bytes, width.wideSec ? 8 : 4, width.wideNsec)];
}

/** The class of the error that a call throws. */
function refusalOf(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return (error as Error).constructor;
  }
}

/** A double as the exact fraction it is. */
function exactly(value: number): { over: bigint; under: bigint } {
  let places = 0;
  let scaled = value;
  // Each doubling is exact, and a double has no more than 1074 binary places.
  for (; !Number.isInteger(scaled) && places < 1100; places++) scaled *= 2;
  return { over: BigInt(scaled), under: 1n << BigInt(places) };
}

const milliseconds = fc.oneof(
  fc.double({ min: 0, max: MAX_MS, noNaN: true }),
  fc.double({ min: 0, max: 10, noNaN: true }),
  fc.integer({ min: 0, max: MAX_MS }),
  // Just below, at and above whole seconds.
  fc
    .tuple(
      fc.integer({ min: 1, max: 2147483646 }),
      fc.integer({ min: -3, max: 3 }),
    )
    .map(([sec, ulps]) => sec * 1000 + ulps * 2 ** -13),
);

test('rounds milliseconds to the nearest nanosecond', () => {
  fc.assert(
    fc.property(milliseconds, (ms) => {
      const [sec, nsec] = encoded(ms) ?? [0n, 0n];
      const { over, under } = exactly(ms);
      const nanos = sec * 1_000_000_000n + nsec;
      // |nanos - ms * 10**6| <= 1/2 and a millionth: one rounding to a double.
      const distance = nanos * under - over * 1_000_000n;
      const positive = distance < 0n ? -distance : distance;
      const isShortest = nanos === 1n && ms > 0 && ms < 1e-6;
      const isNearest = 2_000_000n * positive <= 1_000_001n * under;
      expectSame(isShortest || isNearest, true);
    }),
    { numRuns: 5000 },
  );
});

test('converts whole microseconds and milliseconds exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2147483647 }), (count) => {
      expectSame(encoded(count), [
        BigInt(Math.floor(count / 1000)),
        BigInt(count % 1000) * 1_000_000n,
      ]);
      expectSame(encoded(count / 1000), [
        BigInt(Math.floor(count / 1e6)),
        BigInt(count % 1e6) * 1000n,
      ]);
    }),
    { numRuns: 2000 },
  );
});

test('keeps nanoseconds from 0 to 999999999', () => {
  fc.assert(
    fc.property(milliseconds, (ms) => {
      const [sec, nsec] = encoded(ms) ?? [-1n, -1n];
      expectSame(nsec >= 0n && nsec < 1_000_000_000n, true);
      expectSame(sec >= 0n && sec < 2n ** 31n, true);
    }),
    { numRuns: 2000 },
  );
});

test('carries nanoseconds that round up to a second', () => {
  expect(encoded(999.9999999)).toEqual([1n, 0n]);
  expect(encoded(1999.9999999)).toEqual([2n, 0n]);
  expect(encoded(999.9999994)).toEqual([0n, 999_999_999n]);
});

test('does not round a short wait down to a poll', () => {
  for (const ms of [1e-6, 4e-7, 1e-9, 1e-300, Number.MIN_VALUE]) {
    expect(encoded(ms)).toEqual([0n, 1n]);
  }
  expect(encoded(0)).toEqual([0n, 0n]);
  expect(encoded(-0)).toEqual([0n, 0n]);
});

test('limits a wait to 2**31-1 seconds', () => {
  expect(encoded(MAX_MS)).toEqual([2147483647n, 0n]);
  expect(() => encoded(MAX_MS + 0.001)).toThrow(RangeError);
});

test('treats null and undefined as no timeout', () => {
  expect(encoded(null)).toBeUndefined();
  expect(encoded(undefined)).toBeUndefined();
});

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(
    ...[31n, 32n, 53n, 63n].flatMap((bits) => [
      2n ** bits - 1n,
      -(2n ** bits),
      ...(bits < 63n ? [2n ** bits, 2n ** bits + 1n] : []),
    ]),
  ),
);
const spelled = (value: bigint): fc.Arbitrary<number | bigint> =>
  Number.isSafeInteger(Number(value))
    ? fc.constantFrom<number | bigint>(value, Number(value))
    : fc.constant(value);
const field = int64.chain(spelled);

test('passes fields to the kernel unchanged, valid or not', () => {
  fc.assert(
    fc.property(field, field, (tv_sec, tv_nsec) => {
      const expected = [BigInt(tv_sec), BigInt(tv_nsec)];
      expectSame(encoded({ tv_sec, tv_nsec }), expected);
      expectSame(encoded(new Timespec(tv_sec, tv_nsec)), expected);
    }),
    { numRuns: 2000 },
  );
});

test('narrow fields reject values that do not fit', () => {
  const fits = (value: number | bigint, wide: boolean): boolean =>
    wide || BigInt.asIntN(32, BigInt(value)) === BigInt(value);
  fc.assert(
    fc.property(
      field,
      field,
      fc.constantFrom(MIXED, NARROW),
      (tv_sec, tv_nsec, width) => {
        const both = { tv_sec, tv_nsec };
        if (fits(tv_sec, width.wideSec) && fits(tv_nsec, width.wideNsec)) {
          const expected = [BigInt(tv_sec), BigInt(tv_nsec)];
          expectSame(encoded(both, width), expected);
        } else {
          expectSame(
            refusalOf(() => encoded(both, width)),
            RangeError,
          );
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('reads each field of an object once, before it writes', () => {
  const read: string[] = [];
  const memory = allocateTimespec();
  const hostile = {
    get tv_sec() {
      read.push('tv_sec');
      return 1;
    },
    get tv_nsec() {
      read.push('tv_nsec');
      expect([...memory.u32]).toEqual([0, 0, 0, 0]);
      return 2;
    },
  };
  encodeTimeout(memory, WIDE, hostile, 'test');
  expect(read).toEqual(['tv_sec', 'tv_nsec']);
  expect([...memory.u32]).toEqual([1, 0, 2, 0]);
});

describe('Timespec', () => {
  test('has its fields and is frozen', () => {
    const spec = new Timespec(1, 2n);
    expect([spec.tv_sec, spec.tv_nsec]).toEqual([1, 2n]);
    expect(new Timespec(3).tv_nsec).toBe(0);
    expect(Object.isFrozen(spec)).toBe(true);
    expect(() => Object.assign(spec, { tv_sec: 9 })).toThrow(TypeError);
  });

  test('of milliseconds equals a wait of as many milliseconds', () => {
    fc.assert(
      fc.property(milliseconds, (ms) => {
        const spec = Timespec.fromMilliseconds(ms);
        expect([BigInt(spec.tv_sec), BigInt(spec.tv_nsec)]).toEqual(
          encoded(ms),
        );
      }),
    );
  });

  test.each<[string, () => unknown, string]>([
    ['NaN', () => new Timespec(Number.NaN), "'tv_sec'"],
    ['a fraction', () => new Timespec(0, 0.5), "'tv_nsec'"],
    ['2**53', () => new Timespec(2 ** 53), "'tv_sec'"],
    ['2n**63n', () => new Timespec(0, 2n ** 63n), "'tv_nsec'"],
    ['-1 ms', () => Timespec.fromMilliseconds(-1), "'ms'"],
    ['NaN ms', () => Timespec.fromMilliseconds(Number.NaN), "'ms'"],
  ])('throws a RangeError for %s', (_, make, name) => {
    expect(make).toThrow(RangeError);
    expect(make).toThrow(`Cannot create a Timespec as ${name} must be `);
  });

  test.each<[string, () => unknown, string]>([
    ['a string', () => new Timespec('1' as unknown as number), "'tv_sec'"],
    ['nothing', () => new Timespec(undefined as unknown as number), "'tv_sec'"],
    ['null', () => new Timespec(0, null as unknown as number), "'tv_nsec'"],
    [
      'a bigint of ms',
      () => Timespec.fromMilliseconds(1n as unknown as number),
      "'ms'",
    ],
  ])('throws a TypeError for %s', (_, make, name) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`Cannot create a Timespec as ${name} must be `);
  });
});
