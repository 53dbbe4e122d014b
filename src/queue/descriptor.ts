import { misuse, throwBadInteger } from '../errors.js';

/**
 * A `net.Socket`, `net.Server`, `dgram.Socket` or another object over one of Node's
 * own handles, which does not expose its descriptor.
 */
export interface HandleOwner {
  address(): unknown;
  ref(): unknown;
  unref(): unknown;
}

/** A stream of `fs.createReadStream` or `fs.createWriteStream`. */
export interface FileStream {
  readonly path: string | Uint8Array;
  /** Whether its file is not open yet. It has no descriptor until then. */
  readonly pending: boolean;
  close(): void;
}

/** A descriptor: its number, or an object that has one. */
export type FdLike =
  | number
  | { readonly fd: number }
  | HandleOwner
  | FileStream;

const MAX_FD = 0x7fffffff;

type WithHandle = { readonly handle?: unknown; readonly _handle?: unknown };

/** The handle of a socket or server, through which libuv reads and writes. */
function handleOf(value: object): unknown {
  // `_handle` of a dgram.Socket prints a warning, DEP0112: its state is kept
  // under this symbol, in all versions of Node.js since 10.
  const symbol = Object.getOwnPropertySymbols(value).find(
    ({ description }) => description === 'state symbol',
  );
  if (symbol === undefined) return (value as WithHandle)._handle;
  const state = (value as Record<symbol, unknown>)[symbol];
  return (state as WithHandle | null | undefined)?.handle;
}

const numberOf = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  const { fd } = value as { fd?: unknown };
  if (typeof fd === 'number') return fd;
  const handle = handleOf(value) as { fd?: unknown } | null | undefined;
  return typeof handle?.fd === 'number' ? handle.fd : value;
};

/**
 * Return the number of a descriptor, for the action that an error names.
 *
 * @throws {TypeError | RangeError} As {@link fdOf}.
 */
export function readFd(value: FdLike, action: string): number {
  const fd = numberOf(value);
  if (typeof fd === 'number' && Number.isInteger(fd)) {
    if (fd >= 0 && fd <= MAX_FD) return fd;
    // Node.js sets it to -1 when the descriptor is closed, and to an errno
    // before there is one.
    if (fd < 0 && typeof value === 'object') {
      throw new TypeError(
        misuse(action, 'fd', 'an object with an open descriptor', value),
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

/**
 * Return the descriptor of a socket, a server, a terminal, a `FileHandle` or a file
 * stream, for `kevent` and other calls that take a number. A number is returned
 * unchanged.
 *
 * The object still owns the descriptor: it closes it, and it keeps reading unless it
 * is paused.
 *
 * @throws {TypeError} If the object has no descriptor. Examples are a socket that is
 * destroyed or not yet connected, a `dgram.Socket` before `listening`, and a file
 * stream before `open`.
 * @throws {RangeError} If a number cannot be a descriptor: negative, or a fraction.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:net';
 * import { fdOf } from 'kqueue-ffi';
 *
 * const server = createServer().listen(0, '127.0.0.1', () => {
 *   console.log(fdOf(server) > 2); // true
 *   server.close();
 * });
 * ```
 */
export const fdOf = (fd: FdLike): number => readFd(fd, 'find a descriptor');
