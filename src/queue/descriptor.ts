import { misuse, throwBadInteger } from '../errors.js';

/**
 * A `net.Socket`, `net.Server` or anything else over a handle of Node's own,
 * which keeps its descriptor to itself.
 */
export interface HandleOwner {
  address(): unknown;
  ref(): unknown;
  unref(): unknown;
}

/** A descriptor: its number, or something that has one. */
export type FdLike = number | { readonly fd: number } | HandleOwner;

const MAX_FD = 0x7fffffff;

const numberOf = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  const { fd } = value as { fd?: unknown };
  if (typeof fd === 'number') return fd;
  const { _handle } = value as { _handle?: { fd?: unknown } | null };
  return typeof _handle?.fd === 'number' ? _handle.fd : value;
};

/**
 * The number of a descriptor.
 *
 * @throws {TypeError | RangeError} If there is none, as with a socket that is
 * not connected yet or already destroyed.
 */
export function fdOf(value: FdLike, action: string): number {
  const fd = numberOf(value);
  if (typeof fd === 'number' && Number.isInteger(fd)) {
    if (fd >= 0 && fd <= MAX_FD) return fd;
    // Node's name for a descriptor that is closed.
    if (fd === -1 && typeof value === 'object') {
      throw new TypeError(
        misuse(action, 'fd', 'something with an open descriptor', value),
      );
    }
  }
  return throwBadInteger(
    action,
    'fd',
    `an integer from 0 to ${MAX_FD}, or an object with an open descriptor`,
    fd,
  );
}
