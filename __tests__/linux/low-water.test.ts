// NOTE_LOWAT as two words: a mark beyond 2^31 is not the same as no mark.
import { D } from '../../src/linux/constants.js';
import { lowWater } from '../../src/linux/low-water.js';

const markOf = (data: bigint, minimum: number, fflags: number = D.NOTE_LOWAT) =>
  lowWater(
    {
      requestedFflags: fflags,
      requestedLow: Number(BigInt.asIntN(32, data)),
      requestedHigh: Number(BigInt.asIntN(32, data >> 32n)),
    },
    minimum,
  );

test('ignores data without NOTE_LOWAT', () => {
  expect(markOf(4096n, 1, 0)).toBe(1);
});

test.each([
  [4096n, 4096],
  [2n ** 31n, 2 ** 31],
  [2n ** 32n - 1n, 2 ** 32 - 1],
  [2n ** 40n, 2 ** 40],
])('a mark of %d bytes is that many bytes', (data, bytes) => {
  expect(markOf(data, 1)).toBe(bytes);
});

test.each([0n, -1n, -(2n ** 40n)])('a mark of %d means the default', (data) => {
  expect(markOf(data, 512)).toBe(512);
});
