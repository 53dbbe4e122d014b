import { misuse, throwBadInteger } from '../errors.js';
import { type KernelName, kernels } from './kernels.js';
import type { Constants, KernelFacts } from './shape.js';

const KERNEL = `a kernel's table or one of ${Object.keys(kernels).join(', ')}`;

/** The parts of a table that name numbers. */
const NAMED = ['groups', 'fields', 'meta', 'errno', 'signals'] as const;

const factsOf = (
  action: string,
  kernel: KernelFacts | KernelName,
): KernelFacts => {
  if (typeof kernel === 'string') {
    if (Object.hasOwn(kernels, kernel)) return kernels[kernel];
    throw new RangeError(misuse(action, 'kernel', KERNEL, kernel));
  }
  if (
    typeof kernel === 'object' &&
    kernel !== null &&
    NAMED.every((key) => key in kernel)
  ) {
    return kernel;
  }
  throw new TypeError(misuse(action, 'kernel', KERNEL, kernel));
};

const checkInteger = (action: string, name: string, value: number): void => {
  if (!Number.isInteger(value)) {
    throwBadInteger(action, name, 'an integer', value);
  }
};

const nameOf = (table: Constants, value: number): string | undefined =>
  Object.keys(table).find((name) => table[name] === value);

const filterNameOf = (facts: KernelFacts, filter: number): string | undefined =>
  Object.keys(facts.groups.filter).find(
    (name) =>
      facts.groups.filter[name] === filter && !facts.meta.includes(name),
  );

/**
 * Name the bits of `bits`; bits without a name come last, in hex. Only single bits
 * and the values of `field`, which share several bits, are named. Masks and
 * combinations are not.
 */
const bitNames = (
  bits: number,
  table: Constants = {},
  field: Constants = {},
): string[] => {
  const fieldMask = Object.values(field).reduce((mask, bit) => mask | bit, 0);
  const names: string[] = [];
  let rest = bits >= -0x80000000 && bits < 0 ? bits >>> 0 : bits;
  for (const [name, value] of Object.entries(table)) {
    const single = (value & (value - 1)) === 0 ? value : 0;
    const mask = Object.hasOwn(field, name) ? fieldMask : single;
    if (value !== 0 && (rest & mask) >>> 0 === value) {
      names.push(name);
      rest -= value;
    }
  }
  if (rest !== 0) {
    names.push(`${rest < 0 ? '-' : ''}0x${Math.abs(rest).toString(16)}`);
  }
  return names;
};

/**
 * Return the name of a filter, by its number in one kernel.
 *
 * @param kernel A table of `kqueue-ffi/abi`, or its name.
 * @param filter As in `kevent.filter`.
 * @returns `undefined` if the kernel has no such filter.
 * @throws {TypeError} If an argument is of another type.
 * @throws {RangeError} If there is no such kernel, or the number is no integer.
 *
 * @example
 * ```ts
 * import { filterName } from 'kqueue-ffi/abi';
 *
 * console.log(filterName('darwin', -10)); // EVFILT_USER
 * console.log(filterName('freebsd', -10)); // EVFILT_LIO
 * console.log(filterName('netbsd', 0)); // EVFILT_READ
 * ```
 */
export function filterName(
  kernel: KernelFacts | KernelName,
  filter: number,
): string | undefined {
  const action = 'name a filter';
  const facts = factsOf(action, kernel);
  checkInteger(action, 'filter', filter);
  return filterNameOf(facts, filter);
}

/**
 * Return the names of the bits in `flags`. A bit with two names gets the common
 * one: `EV_ERROR`, not FreeBSD's `EV_FLAG2`; `EV_OOBAND`, not `EV_FLAG1`.
 *
 * @param kernel A table of `kqueue-ffi/abi`, or its name.
 * @param flags As in `kevent.flags`.
 * @returns One name for each bit. Bits without a name come last, combined, in hex.
 * Empty for 0.
 * @throws {TypeError} If an argument is of another type.
 * @throws {RangeError} If there is no such kernel, or the number is no integer.
 *
 * @example
 * ```ts
 * import { flagNames } from 'kqueue-ffi/abi';
 *
 * console.log(flagNames('darwin', 0x8001)); // [ 'EV_ADD', 'EV_EOF' ]
 * console.log(flagNames('openbsd', 0x0401)); // [ 'EV_ADD', '0x400' ]
 * ```
 */
export function flagNames(
  kernel: KernelFacts | KernelName,
  flags: number,
): string[] {
  const action = 'name flags';
  const facts = factsOf(action, kernel);
  checkInteger(action, 'flags', flags);
  return bitNames(flags, facts.groups.flag, facts.fields.flag);
}

/**
 * Return the names of the bits in `fflags`. They depend on the filter: bit 1 is
 * `NOTE_LOWAT` for `EVFILT_READ` and `NOTE_DELETE` for `EVFILT_VNODE`.
 *
 * @param kernel A table of `kqueue-ffi/abi`, or its name.
 * @param filter As in `kevent.filter`.
 * @param fflags As in `kevent.fflags`. The signed result of `|` stands for the same
 * 32 bits.
 * @returns One name for each bit, and for each field of several bits that is not 0,
 * such as `NOTE_FFCOPY`. Bits without a name come last, combined, in hex. Empty for
 * 0.
 * @throws {TypeError} If an argument is of another type.
 * @throws {RangeError} If there is no such kernel, or a number is no integer.
 *
 * @example
 * ```ts
 * import { fflagNames, freebsd, netbsd } from 'kqueue-ffi/abi';
 *
 * const { EVFILT_TIMER } = freebsd.constants;
 * console.log(fflagNames(freebsd, EVFILT_TIMER, 2)); // [ 'NOTE_MSECONDS' ]
 * console.log(fflagNames(netbsd, 6, 3)); // [ 'NOTE_NSECONDS' ]
 * ```
 */
export function fflagNames(
  kernel: KernelFacts | KernelName,
  filter: number,
  fflags: number,
): string[] {
  const action = 'name fflags';
  const facts = factsOf(action, kernel);
  checkInteger(action, 'filter', filter);
  checkInteger(action, 'fflags', fflags);
  const name = filterNameOf(facts, filter);
  if (name === undefined) return bitNames(fflags);
  const group = `fflag:${name.slice('EVFILT_'.length)}` as const;
  return bitNames(fflags, facts.groups[group], facts.fields[group]);
}

/**
 * Return the name of an errno, by its number in one kernel. A number with two names
 * gets the common one: `EAGAIN`, not `EWOULDBLOCK`; `ENOTSUP`, not `EOPNOTSUPP`.
 *
 * @param kernel A table of `kqueue-ffi/abi`, or its name.
 * @param errno Positive as in the `data` of an `EV_ERROR` entry, or negative as
 * in `KqueueError.errno`.
 * @returns `undefined` if the kernel has no such errno. 0 is not an errno.
 * @throws {TypeError} If an argument is of another type.
 * @throws {RangeError} If there is no such kernel, or the number is no integer.
 *
 * @example
 * ```ts
 * import { errnoName } from 'kqueue-ffi/abi';
 *
 * console.log(errnoName('darwin', 35)); // EAGAIN
 * console.log(errnoName('libkqueue', 35)); // EDEADLK: Linux's numbering
 * ```
 */
export function errnoName(
  kernel: KernelFacts | KernelName,
  errno: number | bigint,
): string | undefined {
  const action = 'name an errno';
  const facts = factsOf(action, kernel);
  if (typeof errno !== 'bigint') checkInteger(action, 'errno', errno);
  return nameOf(facts.errno, Math.abs(Number(errno)));
}

/**
 * Return the name of a signal, by its number in one kernel. A number with two names
 * gets the common one: `SIGABRT`, not `SIGIOT`.
 *
 * Events have the signal numbers of the host. On Linux, use the kernel `'libkqueue'`
 * for them, not `'darwin'`.
 *
 * @param kernel A table of `kqueue-ffi/abi`, or its name.
 * @param signal As in the `ident` of an `EVFILT_SIGNAL` event.
 * @returns `undefined` if the kernel has no such signal, or no name for it, as for
 * real-time signals.
 * @throws {TypeError} If an argument is of another type.
 * @throws {RangeError} If there is no such kernel, or the number is no integer.
 *
 * @example
 * ```ts
 * import { signalName } from 'kqueue-ffi/abi';
 *
 * console.log(signalName('darwin', 30)); // SIGUSR1
 * console.log(signalName('libkqueue', 10)); // SIGUSR1 on Linux
 * ```
 */
export function signalName(
  kernel: KernelFacts | KernelName,
  signal: number | bigint,
): string | undefined {
  const action = 'name a signal';
  const facts = factsOf(action, kernel);
  if (typeof signal !== 'bigint') checkInteger(action, 'signal', signal);
  return nameOf(facts.signals, Number(signal));
}
