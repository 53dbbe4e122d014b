/** The calls that can fail, by their man-page names. */
export type Syscall = 'kqueue' | 'kevent' | 'kevent64' | 'close';

/**
 * The error of a call that the kernel refused, or of a library that did not
 * load. It has the fields of Node's own system errors, so code that tests
 * `error.code` works unchanged.
 *
 * A bad argument is never a `KqueueError`: it throws a `TypeError` or
 * `RangeError` before the kernel is called.
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
  override readonly name: string = 'KqueueError';
  /**
   * The errno name, such as `'EBADF'`; `'ERR_KQUEUE_UNSUPPORTED'` if this
   * platform or kernel lacks the feature; `'ERR_KQUEUE_LOAD'` if the library
   * did not load; `'ERR_KQUEUE_CLOSED'` after the queue was closed.
   */
  readonly code: string;
  /**
   * The negative errno, in the numbering of the kernel in use (Darwin's on
   * Linux). `undefined` for codes that begin with `ERR_KQUEUE_`.
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
 * Describe a value without running any of its code: no `toString`, no getter,
 * no Proxy trap.
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

/** The message for every bad argument: Cannot X as 'y' must be …: received z. */
export const misuse = (
  action: string,
  name: string,
  expected: string,
  value: unknown,
): string =>
  `Cannot ${action} as '${name}' must be ${expected}: received ${received(value)}`;

/**
 * Throw for an argument that is not an integer, or out of range.
 *
 * @throws {TypeError} If the value is not a number, nor a bigint where bigints
 * are allowed (`orBigInt`).
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
