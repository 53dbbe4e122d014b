// struct kevent[] in memory: every value of every field comes back, and what
// does not fit is refused before anything is written.
import { inspect } from 'node:util';
import fc from 'fast-check';
import { darwin } from '../../src/abi/darwin.js';
import { kernels } from '../../src/abi/kernels.js';
import type { Cpu, KernelFacts } from '../../src/abi/shape.js';
import { freebsd, netbsd } from '../../src/abi/tables.js';
import { listFor, memoryOf } from '../../src/calls/kevent-list.js';
import { type Kevent, type KeventInit, KeventList } from '../../src/index.js';
import { wordsOf } from '../../src/memory/kevent-memory.js';
import { layoutOf } from '../../src/memory/layout.js';
import {
  type FixtureStruct,
  fixtureOf,
  kernelNames,
} from '../fixtures/abi/index.js';
import { rangeOf } from '../support/doubles.js';
import { expectSame } from '../support/same.js';

const wordsFor = (facts: KernelFacts, cpu: Cpu, struct: string) =>
  wordsOf(layoutOf(facts, cpu, struct));

const darwinList = (capacity: number): KeventList =>
  listFor(wordsFor(darwin, 'x64', 'kevent'), capacity);
const freebsdList = (capacity: number): KeventList =>
  listFor(wordsFor(freebsd, 'x64', 'kevent'), capacity);

/** All of a list's memory, to see that nothing was written. */
const contentOf = (list: KeventList): number[] => [
  ...memoryOf(list, 'test', 'list', 'a list').u32,
];

const KEVENT: KeventInit = { ident: 1, filter: -1 };

/** Every struct that some kernel's kevent takes, on every CPU. */
const everyLayout = kernelNames.flatMap((kernel) =>
  kernels[kernel].symbols.kevent.flatMap(({ struct }) =>
    Object.keys(fixtureOf(kernel).arches).map((cpu) => ({
      kernel,
      struct,
      cpu: cpu as Cpu,
    })),
  ),
);

// ---- any value of a field ---------------------------------------------------

const EDGES = [0, 8, 15, 16, 31, 32, 52, 53, 54, 62, 63, 64].flatMap((bits) =>
  [-1n, 0n, 1n].flatMap((step) => [
    2n ** BigInt(bits) + step,
    -(2n ** BigInt(bits)) + step,
  ]),
);

function anyOf(min: bigint, max: bigint): fc.Arbitrary<bigint> {
  const edges = EDGES.filter((edge) => edge >= min && edge <= max);
  return fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(...edges));
}

const isSafe = (value: bigint): boolean => Number.isSafeInteger(Number(value));

/** As a bigint, or as the number it is. */
const spelled = (value: bigint): fc.Arbitrary<number | bigint> =>
  isSafe(value)
    ? fc.constantFrom<number | bigint>(value, Number(value))
    : fc.constant(value);

/** The value a reader returns: a number where it is exact. */
const read = (value: bigint): number | bigint =>
  isSafe(value) ? Number(value) : value;

/** A kevent as a caller may write it, and the bits of each field. */
interface Sample {
  readonly init: KeventInit;
  readonly ident: bigint;
  readonly filter: number;
  readonly flags: number;
  readonly fflags: number;
  readonly data: bigint;
  readonly udata: bigint;
  readonly ext?: readonly bigint[];
}

const bitsOf = (field: { size: number }): number => 8 * field.size;

function sampleOf({ fields }: FixtureStruct): fc.Arbitrary<Sample> {
  const pattern = (bits: number) =>
    anyOf(-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits) - 1n);
  const pointers = bitsOf(fields.ident);
  const { min, max } = rangeOf(fields.data);
  const filters = rangeOf(fields.filter);
  const flagBits = bitsOf(fields.flags);
  const small = (low: bigint, high: bigint) => anyOf(low, high).map(Number);
  return fc
    .record({
      ident: pattern(pointers),
      filter: small(filters.min, filters.max),
      flags: small(
        flagBits === 16 ? 0n : -(2n ** 31n),
        2n ** BigInt(flagBits) - 1n,
      ),
      fflags: small(-(2n ** 31n), 2n ** 32n - 1n),
      data: anyOf(min, max),
      udata: pattern(pointers),
      ext: fc.array(pattern(64), { maxLength: 4 }),
    })
    .chain((bits) =>
      fc
        .record({
          ident: asInit(bits.ident),
          data: spelled(bits.data),
          udata: asInit(bits.udata),
        })
        .map((written): Sample => {
          const { filter, flags, fflags, ext } = bits;
          const hasExt = fields.ext !== undefined;
          return {
            init: { filter, flags, fflags, ...written, ...(hasExt && { ext }) },
            ident: BigInt.asUintN(pointers, bits.ident),
            filter,
            flags: flags >>> 0,
            fflags: fflags >>> 0,
            data: bits.data,
            udata: BigInt.asUintN(pointers, bits.udata),
            ...(hasExt && {
              ext: [0, 1, 2, 3].map((i) => BigInt.asUintN(64, ext[i] ?? 0n)),
            }),
          };
        }),
    );
}

/** A pattern as a number only where it is not negative. */
const asInit = (value: bigint): fc.Arbitrary<number | bigint> =>
  value < 0n ? fc.constant(value) : spelled(value);

const fieldsOf = (list: KeventList, i: number) => [
  list.ident(i),
  list.filter(i),
  list.flags(i),
  list.fflags(i),
  list.data(i),
  list.udata(i),
];

const expectedOf = ({ init: _, ...sample }: Sample): Kevent => ({
  ...sample,
  ident: read(sample.ident),
  data: read(sample.data),
});

// ---- all kernels ------------------------------------------------------------

describe.each(everyLayout)(
  '$kernel $struct on $cpu',
  ({ kernel, struct, cpu }) => {
    const words = wordsFor(kernels[kernel], cpu, struct);
    const fixture = fixtureOf(kernel).arches[cpu][`struct ${struct}`];

    test('returns every value of every field unchanged through every reader', () => {
      const samples = fc.array(sampleOf(fixture), {
        minLength: 1,
        maxLength: 5,
      });
      fc.assert(
        fc.property(samples, (all) => {
          const list = listFor(words, all.length);
          for (const { init } of all) list.push(init);
          expectSame([...list], all.map(expectedOf));
          for (const [i, sample] of all.entries()) {
            expectSame(list.get(i), expectedOf(sample));
            expectSame(fieldsOf(list, i), [
              read(sample.ident),
              sample.filter,
              sample.flags,
              sample.fflags,
              read(sample.data),
              read(sample.udata),
            ]);
            expectSame(
              [list.identBigInt(i), list.dataBigInt(i), list.udataBigInt(i)],
              [sample.ident, sample.data, sample.udata],
            );
          }
        }),
        { numRuns: 200 },
      );
    });

    test('rejects a value just out of range with a RangeError, and writes nothing', () => {
      const list = listFor(words, 2);
      list.push({ ident: 7, filter: 5, flags: 3, data: -1, udata: 9n });
      const before = contentOf(list);
      const base = { ident: 1, filter: 1 };
      for (const [name, { min, max }] of Object.entries({
        filter: rangeOf(fixture.fields.filter),
        fflags: { min: -(2n ** 31n), max: 2n ** 32n - 1n },
        data: rangeOf(fixture.fields.data),
        ident: { min: 0n, max: rangeOf(fixture.fields.ident).max },
        udata: { min: 0n, max: rangeOf(fixture.fields.udata).max },
      })) {
        const isPattern = name === 'ident' || name === 'udata';
        const lowest = isPattern ? -(max + 1n) / 2n : min;
        const beyond = [read(lowest - 1n), read(max + 1n)];
        for (const value of isPattern ? [...beyond, -1] : beyond) {
          expect(() => list.push({ ...base, [name]: value })).toThrow(
            RangeError,
          );
        }
      }
      expect(contentOf(list)).toEqual(before);
      expect(list.length).toBe(1);
    });
  },
);

// ---- what is refused --------------------------------------------------------

type Refusal = [
  field: keyof KeventInit,
  value: unknown,
  error: typeof TypeError | typeof RangeError,
  expected: string,
  said: string,
];

const PATTERN =
  'an integer from 0 to 2**53-1, or a bigint from -(2n**63n) to 2n**64n-1n';
const SIGNED = 'a safe integer, or a bigint from -(2n**63n) to 2n**63n-1n';
const FILTER = 'an integer from -32768 to 32767';
const FLAGS = 'an integer from 0 to 65535';
const FFLAGS = 'an integer from -2147483648 to 4294967295';
const NUL = Number.NaN;

const REFUSALS: Refusal[] = [
  ['ident', undefined, TypeError, PATTERN, 'undefined'],
  ['ident', null, TypeError, PATTERN, 'null'],
  ['ident', '1', TypeError, PATTERN, '"1"'],
  ['ident', {}, TypeError, PATTERN, 'an object'],
  ['ident', NUL, RangeError, PATTERN, 'NaN'],
  ['ident', 1.5, RangeError, PATTERN, '1.5'],
  ['ident', -1, RangeError, PATTERN, '-1'],
  ['ident', 2 ** 53, RangeError, PATTERN, '9007199254740992'],
  ['ident', Number.POSITIVE_INFINITY, RangeError, PATTERN, 'Infinity'],
  ['ident', 2n ** 64n, RangeError, PATTERN, '18446744073709551616n'],
  ['ident', -(2n ** 63n) - 1n, RangeError, PATTERN, '-9223372036854775809n'],
  ['filter', undefined, TypeError, FILTER, 'undefined'],
  ['filter', -1n, TypeError, FILTER, '-1n'],
  ['filter', '-1', TypeError, FILTER, '"-1"'],
  ['filter', -32769, RangeError, FILTER, '-32769'],
  ['filter', 32768, RangeError, FILTER, '32768'],
  ['filter', 65535, RangeError, FILTER, '65535'],
  ['filter', NUL, RangeError, FILTER, 'NaN'],
  ['flags', null, TypeError, FLAGS, 'null'],
  ['flags', 1n, TypeError, FLAGS, '1n'],
  ['flags', -1, RangeError, FLAGS, '-1'],
  ['flags', 65536, RangeError, FLAGS, '65536'],
  ['flags', 0.5, RangeError, FLAGS, '0.5'],
  ['fflags', true, TypeError, FFLAGS, 'true'],
  ['fflags', 1n, TypeError, FFLAGS, '1n'],
  ['fflags', 2 ** 32, RangeError, FFLAGS, '4294967296'],
  ['fflags', -(2 ** 31) - 1, RangeError, FFLAGS, '-2147483649'],
  ['data', null, TypeError, SIGNED, 'null'],
  ['data', Symbol('data'), TypeError, SIGNED, 'a symbol'],
  ['data', NUL, RangeError, SIGNED, 'NaN'],
  ['data', 0.1, RangeError, SIGNED, '0.1'],
  ['data', 2 ** 53, RangeError, SIGNED, '9007199254740992'],
  ['data', -(2 ** 53), RangeError, SIGNED, '-9007199254740992'],
  ['data', 2n ** 63n, RangeError, SIGNED, '9223372036854775808n'],
  ['data', -(2n ** 63n) - 1n, RangeError, SIGNED, '-9223372036854775809n'],
  ['udata', null, TypeError, PATTERN, 'null'],
  ['udata', () => 1, TypeError, PATTERN, 'a function'],
  ['udata', -1, RangeError, PATTERN, '-1'],
  ['udata', 2n ** 64n, RangeError, PATTERN, '18446744073709551616n'],
];

test.each(REFUSALS)(
  'rejects %s if it is %p, and writes nothing',
  (field, value, error, expected, said) => {
    const list = darwinList(2);
    list.push(KEVENT);
    const before = contentOf(list);
    const push = () => list.push({ ...KEVENT, [field]: value });
    expect(push).toThrow(error);
    expect(push).toThrow(
      new error(
        `Cannot encode a kevent as '${field}' must be ${expected}: received ${said}`,
      ),
    );
    expect(contentOf(list)).toEqual(before);
    expect(list.length).toBe(1);
  },
);

test.each([
  [undefined, 'undefined'],
  [null, 'null'],
  [1, '1'],
  ['kevent', '"kevent"'],
  [() => KEVENT, 'a function'],
])('rejects %p as a kevent', (value, said) => {
  const list = darwinList(1);
  expect(() => list.push(value as never)).toThrow(
    new TypeError(
      `Cannot encode a kevent as 'kevent' must be an object: received ${said}`,
    ),
  );
  expect(list.length).toBe(0);
});

describe('ext', () => {
  test('is rejected if the struct has no ext, unless it is undefined', () => {
    const list = darwinList(1);
    expect(() => list.push({ ...KEVENT, ext: [] })).toThrow(
      new TypeError(
        "Cannot encode a kevent as 'ext' must be absent on a kernel without it: received an object",
      ),
    );
    list.push({ ...KEVENT, ext: undefined });
    expect('ext' in list.get(0)).toBe(false);
  });

  test('accepts up to four words and fills the rest with zeros', () => {
    const list = freebsdList(3);
    list.push({ ...KEVENT, ext: [1, 2n ** 64n - 1n, 3, -1n] });
    list.clear();
    list.push({ ...KEVENT, ext: [5] });
    list.push(KEVENT);
    expect(list.get(0).ext).toEqual([5n, 0n, 0n, 0n]);
    expect(list.get(1).ext).toEqual([0n, 0n, 0n, 0n]);
    for (const bad of [[1, 2, 3, 4, 5], 'four', { length: 1, 0: 1 }, null]) {
      expect(() => list.push({ ...KEVENT, ext: bad as never })).toThrow(
        /^Cannot encode a kevent as 'ext' must be an array of at most 4: received/,
      );
    }
    for (const bad of [[-1], [1.5], [2n ** 64n], [1, Number.NaN]]) {
      expect(() => list.push({ ...KEVENT, ext: bad })).toThrow(RangeError);
    }
    expect(() => list.push({ ...KEVENT, ext: ['1'] as never })).toThrow(
      TypeError,
    );
    expect(list.length).toBe(2);
  });

  test('is read by index, not through the iterator of the array', () => {
    const list = freebsdList(1);
    const words: bigint[] = Object.assign([7n], {
      *[Symbol.iterator]() {
        for (let i = 0n; i < 1000n; i++) yield i;
      },
    });
    list.push({ ...KEVENT, ext: words });
    expect(list.get(0).ext).toEqual([7n, 0n, 0n, 0n]);
  });
});

// ---- the list itself --------------------------------------------------------

describe('capacity', () => {
  test('accepts 1 to 2**20', () => {
    for (const capacity of [1, 2, 1000, 2 ** 20]) {
      const list = new KeventList(capacity);
      expect([list.capacity, list.length]).toEqual([capacity, 0]);
    }
  });

  test.each([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [Number.NaN, 'NaN'],
    [2 ** 20 + 1, '1048577'],
    [2 ** 53, '9007199254740992'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
  ])('throws a RangeError for %p', (capacity, said) => {
    expect(() => new KeventList(capacity)).toThrow(
      new RangeError(
        `Cannot create a KeventList as 'capacity' must be an integer from 1 to 2**20: received ${said}`,
      ),
    );
    expect(() => new KeventList(capacity)).toThrow(RangeError);
  });

  test.each([
    [1n, '1n'],
    ['1', '"1"'],
    [null, 'null'],
    [undefined, 'undefined'],
    [[1], 'an object'],
    [Object(1), 'an object'],
  ])('throws a TypeError for %p', (capacity, said) => {
    const make = () => new KeventList(capacity as number);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(
      new TypeError(
        `Cannot create a KeventList as 'capacity' must be an integer from 1 to 2**20: received ${said}`,
      ),
    );
  });

  test('is read-only, and so is length', () => {
    const list = new KeventList(1);
    expect(() => Object.assign(list, { capacity: 2 })).toThrow(TypeError);
    expect(() => Object.assign(list, { length: 1 })).toThrow(TypeError);
  });
});

test('a full list rejects more entries and keeps its own', () => {
  const list = darwinList(2);
  list.push(KEVENT);
  list.push({ ...KEVENT, ident: 2 });
  const before = contentOf(list);
  expect(() => list.push({ ...KEVENT, ident: 3 })).toThrow(
    new RangeError(
      "Cannot push a kevent as 'list' must be shorter than its capacity of 2: received 2",
    ),
  );
  expect(contentOf(list)).toEqual(before);
  expect(list.length).toBe(2);
});

const trap = (): never => {
  throw new Error('its code ran');
};
const NO_INDEX: [unknown, string][] = [
  ['0', '"0"'],
  [null, 'null'],
  [undefined, 'undefined'],
  [true, 'true'],
  [0n, '0n'],
  [Symbol('index'), 'a symbol'],
  [[0], 'an object'],
  [{ valueOf: trap, toString: trap }, 'an object'],
];

test('throws for an index past the end, even if bytes remain there', () => {
  const list = darwinList(4);
  const readers = [
    'get',
    'ident',
    'filter',
    'flags',
    'fflags',
    'data',
    'udata',
    'identBigInt',
    'dataBigInt',
    'udataBigInt',
  ] as const;
  for (const reader of readers) {
    expect(() => list[reader](0)).toThrow(
      new RangeError(
        "Cannot read a KeventList as 'index' must be an entry, and the list is empty: received 0",
      ),
    );
  }
  list.push(KEVENT);
  list.push(KEVENT);
  for (const reader of readers) {
    for (const index of [2, 3, 4, -1, 0.5, Number.NaN, 2 ** 32, 2 ** 53]) {
      expect(() => list[reader](index)).toThrow(
        new RangeError(
          `Cannot read a KeventList as 'index' must be an integer from 0 to 1: received ${index}`,
        ),
      );
    }
    for (const [index, said] of NO_INDEX) {
      expect(() => list[reader](index as number)).toThrow(
        new TypeError(
          `Cannot read a KeventList as 'index' must be an integer from 0 to 1: received ${said}`,
        ),
      );
    }
    expect(list[reader](-0)).toEqual(list[reader](0));
  }
});

test('behaves like an array limited to the capacity', () => {
  const step = fc.oneof(
    { arbitrary: fc.nat(2 ** 20).map((ident) => ({ ident })), weight: 6 },
    { arbitrary: fc.constant('clear' as const), weight: 1 },
    { arbitrary: fc.constant('bad' as const), weight: 1 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step), (n, steps) => {
      const list = darwinList(n);
      let model: number[] = [];
      for (const what of steps) {
        if (what === 'clear') {
          list.clear();
          model = [];
        } else if (what === 'bad' || model.length === n) {
          const ident = what === 'bad' ? -1 : what.ident;
          expect(() => list.push({ ...KEVENT, ident })).toThrow(RangeError);
        } else {
          list.push({ ...KEVENT, ...what });
          model.push(what.ident);
        }
        expect([...list].map(({ ident }) => ident)).toEqual(model);
        expect([list.length, list.capacity]).toEqual([model.length, n]);
      }
    }),
  );
});

test('of() returns a full list of its arguments', () => {
  const list = KeventList.of(KEVENT, { ...KEVENT, ident: 2 });
  expect([list.capacity, list.length]).toEqual([2, 2]);
  expect([...list].map(({ ident }) => ident)).toEqual([1, 2]);
  expect(() => KeventList.of()).toThrow(RangeError);
  expect(() => KeventList.of(KEVENT, { ...KEVENT, ident: -1 })).toThrow(
    RangeError,
  );
});

test('get() returns a copy', () => {
  const list = darwinList(1);
  list.push({ ...KEVENT, udata: 3 });
  const mine = list.get(0);
  mine.ident = 99;
  mine.udata = 99n;
  expect(list.get(0)).toEqual({
    ident: 1,
    filter: -1,
    flags: 0,
    fflags: 0,
    data: 0,
    udata: 3n,
  });
  list.clear();
  expect(mine.ident).toBe(99);
});

test('push() accepts the result of get() unchanged', () => {
  for (const list of [darwinList(2), freebsdList(2)]) {
    list.push({
      ident: 2n ** 64n - 1n,
      filter: -7,
      flags: 0xffff,
      fflags: -1,
      data: -(2n ** 63n),
      udata: 2n ** 63n,
    });
    list.push(list.get(0));
    expect(list.get(1)).toEqual(list.get(0));
  }
});

test('treats the signed result of | as 32 unsigned bits', () => {
  const list = darwinList(1);
  list.push({ ...KEVENT, fflags: 0x80000000 | 1 });
  expect(list.fflags(0)).toBe(0x80000001);
  const unsigned = listFor(wordsFor(netbsd, 'x64', 'kevent'), 1);
  unsigned.push({ ident: 1, filter: 1, flags: 0x80000000 | 1 });
  expect(unsigned.flags(0)).toBe(0x80000001);
});

test('converts -0 to 0', () => {
  const list = darwinList(1);
  list.push({
    ident: -0,
    filter: -0,
    flags: -0,
    fflags: -0,
    data: -0,
    udata: -0,
  });
  expect(list.get(0)).toEqual({
    ident: 0,
    filter: 0,
    flags: 0,
    fflags: 0,
    data: 0,
    udata: 0n,
  });
});

test('two lists never share memory', () => {
  const [a, b] = [darwinList(1), darwinList(1)];
  a.push({ ...KEVENT, ident: 1 });
  b.push({ ...KEVENT, ident: 2 });
  expect([a.ident(0), b.ident(0)]).toEqual([1, 2]);
});

test('does not expose the memory of a list', () => {
  const list = new KeventList(1);
  expect(Reflect.ownKeys(list)).toEqual([]);
  for (const key of Reflect.ownKeys(KeventList.prototype)) {
    const { get } =
      Reflect.getOwnPropertyDescriptor(KeventList.prototype, key) ?? {};
    const value: unknown = get?.call(list);
    expect(value === undefined || typeof value === 'number').toBe(true);
  }
});

// ---- objects that misbehave -------------------------------------------------

describe('a kevent with getters that', () => {
  test('push to the same list is appended after their entries', () => {
    const list = darwinList(2);
    list.push({
      ident: 1,
      get filter() {
        list.push({ ...KEVENT, ident: 9 });
        return -1;
      },
    });
    expect([...list].map(({ ident }) => ident)).toEqual([9, 1]);
  });

  test('fill the same list is rejected', () => {
    const list = darwinList(1);
    const hostile = {
      ident: 1,
      get filter() {
        list.push({ ...KEVENT, ident: 9 });
        return -1;
      },
    };
    expect(() => list.push(hostile)).toThrow(RangeError);
    expect([...list].map(({ ident }) => ident)).toEqual([9]);
  });

  test('clear the same list becomes the first entry', () => {
    const list = darwinList(2);
    list.push({ ...KEVENT, ident: 8 });
    list.push({
      ident: 1,
      get filter() {
        list.clear();
        return -1;
      },
    });
    expect([...list].map(({ ident }) => ident)).toEqual([1]);
  });

  test.each(['ident', 'filter', 'flags', 'fflags', 'data', 'udata', 'ext'])(
    'throw at %s is not written, and their error is rethrown',
    (field) => {
      const list = freebsdList(1);
      const before = contentOf(list);
      const mine = new Error('mine');
      const hostile = Object.defineProperty({ ...KEVENT }, field, {
        get() {
          throw mine;
        },
      });
      expect(() => list.push(hostile)).toThrow(mine);
      expect(contentOf(list)).toEqual(before);
    },
  );

  test('return a new value each time are called once', () => {
    const list = freebsdList(1);
    const reads: PropertyKey[] = [];
    const moody = new Proxy({} as KeventInit, {
      get(_, name) {
        reads.push(name);
        if (name === 'ext') return undefined;
        return reads.filter((other) => other === name).length;
      },
    });
    list.push(moody);
    expect(new Set(reads).size).toBe(reads.length);
    expect(list.get(0)).toMatchObject({ ident: 1, filter: 1, udata: 1n });
  });
});

test('reads inherited fields and ignores other properties', () => {
  const list = darwinList(1);
  list.push(Object.create({ ...KEVENT, data: 5, colour: 'red' }));
  expect(list.get(0)).toMatchObject({ ident: 1, data: 5 });
});

test('accepts numbers of another realm, but not Number objects', () => {
  const list = darwinList(1);
  for (const value of [Object(1), Object(1n)]) {
    expect(() => list.push({ ident: value, filter: -1 })).toThrow(TypeError);
  }
});

test('accepts an instance of a subclass', () => {
  class Named extends KeventList {
    readonly label = 'mine';
  }
  const list = new Named(1);
  list.push({ ident: 1, filter: 1 });
  expect([list.ident(0), list.label]).toEqual([1, 'mine']);
});

test('iteration ends when the list is cleared meanwhile', () => {
  const list = darwinList(3);
  for (const ident of [1, 2, 3]) list.push({ ...KEVENT, ident });
  const seen: (number | bigint)[] = [];
  for (const { ident } of list) {
    seen.push(ident);
    list.clear();
  }
  expect(seen).toEqual([1]);
});

describe('JSON.stringify', () => {
  const huge = {
    ident: 2n ** 64n - 1n,
    filter: -1,
    data: -5,
    udata: 2n ** 53n,
  };
  const written = {
    ident: '18446744073709551615',
    filter: -1,
    flags: 0,
    fflags: 0,
    data: -5,
    udata: '9007199254740992',
  };

  test('returns the entries of a list with exact values', () => {
    const list = KeventList.of(huge, { ident: 1, filter: -1, udata: 7n });
    expect(JSON.parse(JSON.stringify(list))).toEqual([
      written,
      { ident: 1, filter: -1, flags: 0, fflags: 0, data: 0, udata: 7 },
    ]);
    list.clear();
    expect(JSON.stringify({ list })).toBe('{"list":[]}');
  });

  test('accepts an entry, which is otherwise a plain object', () => {
    const entry = KeventList.of(huge).get(0);
    expect(JSON.parse(JSON.stringify(entry))).toEqual(written);
    expect(Object.keys(entry)).toEqual(Object.keys(written));
    expect(entry).toStrictEqual({ ...written, ...huge });
    expect(inspect(entry)).toBe(inspect({ ...entry }));
    expect(structuredClone(entry)).toEqual(entry);
  });
});
