// Every field of every kernel's struct, byte by byte as its compiler lays it
// out, in both directions.
import fc from 'fast-check';
import type { Cpu } from '../../src/abi/shape.js';
import { fixtureOf } from '../fixtures/abi/index.js';
import {
  countOf,
  type Double,
  disposeDoubles,
  double,
  everyEntry,
  type Fields,
  rangeOf,
  toBytes,
} from '../support/doubles.js';

afterEach(disposeDoubles);

const RUNS = 100;

const everyLayout = everyEntry.flatMap((entry) =>
  Object.keys(fixtureOf(entry.kernel).arches).map((cpu) => ({
    ...entry,
    cpu: cpu as Cpu,
  })),
);

/** Any value of a range, its ends and those of a double more often. */
function anyOf({ min, max }: { min: bigint; max: bigint }) {
  const edges = [min, max, 0n, -1n, 1n, 2n ** 31n, 2n ** 32n]
    .concat([2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n])
    .flatMap((edge) => [edge, -edge])
    .filter((edge) => edge >= min && edge <= max);
  return fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(...edges));
}

/** Any content of the struct. */
const anyFields = ({ struct }: Double): fc.Arbitrary<Fields> =>
  fc.record(
    Object.fromEntries(
      Object.entries(struct.fields).map(([name, field]) => {
        const one = anyOf(rangeOf(field));
        const count = countOf(field);
        const all = fc.array(one, { minLength: count, maxLength: count });
        return [name, name === 'ext' ? all : one];
      }),
    ),
  );

/** The same as a caller would write it: numbers where they are exact. */
const initOf = (fields: Fields): object =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value !== 'bigint') return [name, value];
      return [
        name,
        Number.isSafeInteger(Number(value)) ? Number(value) : value,
      ];
    }),
  );

describe.each(everyLayout)('$kernel through $symbol on $cpu', (options) => {
  test('writes each field of a change at its offset', () => {
    const kernel = double(options);
    const { kevent } = kernel.open();
    fc.assert(
      fc.property(anyFields(kernel), (fields) => {
        kevent(7, [initOf(fields) as never], null);
        const given = kernel.calls.pop()?.changes;
        expect(given).toEqual(toBytes(kernel.struct, fields));
      }),
      { numRuns: RUNS },
    );
  });

  test('writes the second change of a list right after the first', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const list = calls.list(3);
    for (const ident of [1, 2, 3]) list.push({ ident, filter: 1 });
    calls.kevent(7, list, null);
    const [call] = kernel.calls;
    expect(call.changes.length).toBe(3 * kernel.struct.size);
    for (const [i, ident] of [1n, 2n, 3n].entries()) {
      const bytes = toBytes(kernel.struct, { ident, filter: 1n });
      expect(kernel.change(call, i)).toEqual(bytes);
    }
  });

  test('reads each field of an event as the kernel wrote it', () => {
    const kernel = double(options);
    const calls = kernel.open();
    const list = calls.list(2);
    const both = fc.tuple(anyFields(kernel), anyFields(kernel));
    fc.assert(
      fc.property(both, (events) => {
        kernel.behaviour.kevent = (call) => call.answer(...events);
        calls.kevent(7, null, list);
        for (const [i, event] of events.entries()) {
          const { udata } = event;
          expect(list.get(i)).toEqual({ ...initOf(event), udata });
        }
      }),
      { numRuns: RUNS },
    );
  });
});

test('reads FreeBSD events at a stride of 64 bytes, with four words of ext', () => {
  const kernel = double({ kernel: 'freebsd' });
  expect(kernel.struct.size).toBe(64);
  const calls = kernel.open();
  calls.kevent(
    7,
    [{ ident: 1, filter: -1, ext: [2 ** 40, 2n ** 64n - 1n] }],
    null,
  );
  const words = [2n ** 40n, 2n ** 64n - 1n, 0n, 0n];
  expect(kernel.calls[0].changes.subarray(32)).toEqual(
    new Uint8Array(new BigUint64Array(words).buffer),
  );
});

test('treats NetBSD filters as unsigned and its flags as 32 bits', () => {
  const kernel = double({ kernel: 'netbsd' });
  const calls = kernel.open();
  const list = calls.list(1);
  kernel.behaviour.kevent = (call) =>
    call.answer({ filter: 0xfffffffen, flags: 0x80010000n });
  calls.kevent(7, null, list);
  expect(list.get(0)).toMatchObject({ filter: 4294967294, flags: 0x80010000 });
  expect(() => calls.kevent(7, [{ ident: 1, filter: -1 }], null)).toThrow(
    new RangeError(
      "Cannot encode a kevent as 'filter' must be an integer from 0 to 4294967295: received -1",
    ),
  );
});

test('rejects values that do not fit a 32-bit kernel before the call', () => {
  const kernel = double({ kernel: 'freebsd', cpu: 'ia32' });
  const calls = kernel.open();
  for (const bad of [
    { ident: 2 ** 32, filter: -1 },
    { ident: -1, filter: -1 },
    { ident: 1, filter: -1, udata: 2n ** 32n },
  ]) {
    expect(() => calls.kevent(7, [bad], null)).toThrow(RangeError);
  }
  const late = { tv_sec: 2 ** 31, tv_nsec: 0 };
  expect(() => calls.kevent(7, null, null, late)).toThrow(
    new RangeError(
      "Cannot call kevent as 'tv_sec' must be an integer of 32 bits: received 2147483648",
    ),
  );
  expect(kernel.calls).toEqual([]);
});
