import { KqueueError } from '../errors.js';
import { koffi } from './koffi.js';

/**
 * C types of arguments and results. Integers only, which is koffi's fastest
 * path.
 */
export type NativeType = 'int' | 'uint' | 'size_t' | 'intptr_t' | 'uintptr_t';

/**
 * A C function. Its arguments must be integers in range: they are not checked.
 */
export type NativeFunction = (...args: number[]) => number;

/** The part of a loaded library that this package uses. */
export interface NativeLibrary {
  readonly name: string;
  /** Bind a function. Returns `undefined` if the library has no such symbol. */
  func(
    symbol: string,
    result: NativeType,
    args: readonly NativeType[],
  ): NativeFunction | undefined;
}

/** Open a library by its dlopen name; null is the process itself. */
export function openLibrary(name: string | null): NativeLibrary {
  const handle = koffi().load(name);
  return {
    name: name ?? 'the process itself',
    func(symbol, result, args) {
      try {
        return handle.func(symbol, result, [...args]) as NativeFunction;
      } catch {
        return undefined;
      }
    },
  };
}

/** The message of an error, without the stack that Node.js adds to some. */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(
    '\nRequire stack:',
    1,
  )[0];

/**
 * Open the first library that loads.
 *
 * @throws {KqueueError} `ERR_KQUEUE_LOAD`, saying what was tried and what to do.
 */
export function openFirst(names: readonly string[]): NativeLibrary {
  const failures: string[] = [];
  let cause: unknown;
  for (const name of names) {
    try {
      return openLibrary(name);
    } catch (error) {
      failures.push(`${name} (${reasonOf(error)})`);
      cause = error;
    }
  }
  throw loadError(`tried ${failures.join(', ')}`, cause);
}

/** The advice if Node.js was started without addons. */
const ADDONS =
  'Native addons are disabled: start Node.js without --no-addons, and with --allow-addons if its permission model is enabled.';

/** The advice if koffi, or its build for this platform, is missing. */
const INSTALL =
  'koffi, or its build for this platform, is not installed: run npm install --include=optional, and leave koffi out of a bundle; the next call tries again.';

const CHECK =
  'Check that koffi and its build for this platform are installed. If KQUEUE_FFI_LIBRARY is set, check that the library exports kqueue and kevent; the next call tries again.';

const isDisabled = (cause: unknown): boolean =>
  cause instanceof Error &&
  'code' in cause &&
  cause.code === 'ERR_DLOPEN_DISABLED';

const adviceOf = (what: string, cause: unknown): string => {
  if (isDisabled(cause)) return ADDONS;
  const isMissing = /native koffi module|cannot find \w+ 'koffi'/i.test(what);
  return isMissing ? INSTALL : CHECK;
};

/** The error of a failed load: what was tried, and what to do. */
export const loadError = (what: string, cause?: unknown): KqueueError =>
  new KqueueError(
    `Cannot load kqueue: ${what.replace(/[.?!\s]+$/, '')}. ${adviceOf(what, cause)}`,
    'ERR_KQUEUE_LOAD',
    undefined,
    undefined,
    cause === undefined ? undefined : { cause },
  );
