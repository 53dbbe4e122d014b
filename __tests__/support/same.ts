import { isDeepStrictEqual } from 'node:util';

/**
 * `expect(actual).toEqual(expected)` for loops of thousands: each `expect` makes
 * an error with a stack in advance, and here only where the values differ.
 */
export function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}
