/** The calls an error can come from, by their man-page names. */
export type Syscall = 'kqueue' | 'kevent' | 'kevent64' | 'close';

/**
 * An error of the kernel, or of loading it. It has the fields of Node's
 * own system errors, so code that tests `error.code` works unchanged.
 *
 * Misuse is never a `KqueueError`: it is a `TypeError` or `RangeError` thrown
 * before anything reaches the kernel.
 *
 * @example
 * ```ts
 * import { close, kevent, kqueue, KqueueError } from 'kqueue-ffi';
 *
 * const kq = kqueue();
 * close(kq);
 * try {
 *   kevent(kq, null, null);
 * } catch (error) {
 *   if (error instanceof KqueueError) console.log(error.code); // EBADF
 * }
 * ```
 */
export class KqueueError extends Error {
  override readonly name = 'KqueueError';
  /**
   * The errno name, such as `'EBADF'`; or `'ERR_KQUEUE_UNSUPPORTED'` where no
   * kqueue can be had, `'ERR_KQUEUE_LOAD'` where the library did not load.
   */
  readonly code: string;
  /**
   * The negative errno in the numbering of the kernel in use (Darwin's on
   * Linux); `undefined` for the two codes that begin with `ERR_KQUEUE_`.
   */
  readonly errno: number | undefined;
  /** The call that failed. */
  readonly syscall: Syscall | undefined;

  constructor(
    message: string,
    code: string,
    errno?: number,
    syscall?: Syscall,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/**
 * Say what a value is without running any of its code: no `toString`, no
 * getter, no Proxy trap.
 */
export function received(value: unknown): string {
  switch (typeof value) {
    case 'string': {
      const short = value.length > 32 ? `${value.slice(0, 32)}…` : value;
      return JSON.stringify(short);
    }
    case 'bigint':
      return value > 2n ** 70n || value < -(2n ** 70n)
        ? 'a huge bigint'
        : `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : 'an object';
    default:
      return String(value);
  }
}

/** The one grammar of misuse: Cannot X as 'y' must be …: received z. */
export const misuse = (
  action: string,
  name: string,
  expected: string,
  value: unknown,
): string =>
  `Cannot ${action} as '${name}' must be ${expected}: received ${received(value)}`;

/**
 * Throw for an integer argument that is not one or is out of range.
 *
 * @throws {TypeError} If the value is not a number, nor a bigint where one may
 * stand (`orBigInt`).
 * @throws {RangeError} Otherwise.
 */
export function throwBadInteger(
  action: string,
  name: string,
  expected: string,
  value: unknown,
  orBigInt = false,
): never {
  const message = misuse(action, name, expected, value);
  if (typeof value === 'number' || (orBigInt && typeof value === 'bigint')) {
    throw new RangeError(message);
  }
  throw new TypeError(message);
}
