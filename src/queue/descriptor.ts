import { misuse, throwBadInteger } from '../errors.js';

/**
 * A `net.Socket`, `net.Server` or another object over one of Node's own handles,
 * which does not expose its descriptor.
 */
export interface HandleOwner {
  address(): unknown;
  ref(): unknown;
  unref(): unknown;
}

/** A descriptor: its number, or an object that has one. */
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
 * Return the number of a descriptor.
 *
 * @throws {TypeError | RangeError} If there is none, for example because a socket is
 * not connected yet or already destroyed.
 */
export function fdOf(value: FdLike, action: string): number {
  const fd = numberOf(value);
  if (typeof fd === 'number' && Number.isInteger(fd)) {
    if (fd >= 0 && fd <= MAX_FD) return fd;
    // Node.js sets `fd` to -1 when the descriptor is closed.
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
