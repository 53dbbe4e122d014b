// 64-bit values in two words: a wrong sign of one word corrupts them.
import fc from 'fast-check';
import {
  highWord,
  lowWord,
  toBigInt,
  toDouble,
} from '../../src/linux/int64.js';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test('a value survives the conversion to two words and back', () => {
  const safe = fc.maxSafeInteger();
  fc.assert(
    fc.property(safe, (value) => {
      const [low, high] = [lowWord(value), highWord(value)];
      expect(Object.is(low, low | 0) && Object.is(high, high | 0)).toBe(true);
      expect(toDouble(low, high)).toBe(value);
    }),
  );
});

test('the exact value is that of a signed 64-bit integer', () => {
  fc.assert(
    fc.property(word, word, (low, high) => {
      const view = new DataView(new ArrayBuffer(8));
      view.setInt32(0, low, true);
      view.setInt32(4, high, true);
      expect(toBigInt(low, high)).toBe(view.getBigInt64(0, true));
    }),
  );
});

test('words of an unsigned array yield an unsigned value', () => {
  const words = new Uint32Array([1, 0x80000000]);
  expect(toDouble(words[0], words[1])).toBe(2 ** 63);
  expect(toBigInt(words[0], words[1])).toBe(2n ** 63n + 1n);
});

test.each([2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32])(
  'a low word with its top bit set does not make %d smaller',
  (value) => {
    expect(toDouble(lowWord(value), highWord(value))).toBe(value);
  },
);
