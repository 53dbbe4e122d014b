// 64-bit integers as two words of 32 bits, low word first. The high word
// carries the sign: take it from an Int32Array for a signed value, from a
// Uint32Array for an unsigned one. The sign of the low word never counts.

/** The value as a double, exact up to 2^53. */
export const toDouble = (low: number, high: number): number =>
  high * 2 ** 32 + (low >>> 0);

/** The exact value. */
export const toBigInt = (low: number, high: number): bigint =>
  (BigInt(high) << 32n) | BigInt(low >>> 0);

/** The low word of an integer, signed. */
export const lowWord = (value: number): number => value | 0;

/** The high word of an integer, signed. */
export const highWord = (value: number): number =>
  value === (value | 0) ? value >> 31 : Math.floor(value / 2 ** 32);
