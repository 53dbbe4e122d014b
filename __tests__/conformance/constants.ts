// The running kernel's constants as plain numbers. One that it lacks is NaN:
// only the tests that use it fail then, and by the name of the field.
import { kernels } from '../../src/abi.js';
import * as api from '../../src/index.js';

const table: Readonly<Record<string, unknown>> = api;

/** Look a constant up by its header name. */
export function constant(name: string): number {
  const value = table[name];
  return typeof value === 'number' ? value : Number.NaN;
}

export const EVFILT_READ = constant('EVFILT_READ');
export const EVFILT_WRITE = constant('EVFILT_WRITE');
export const EVFILT_AIO = constant('EVFILT_AIO');
export const EVFILT_VNODE = constant('EVFILT_VNODE');
export const EVFILT_PROC = constant('EVFILT_PROC');
export const EVFILT_SIGNAL = constant('EVFILT_SIGNAL');
export const EVFILT_TIMER = constant('EVFILT_TIMER');
export const EVFILT_FS = constant('EVFILT_FS');
export const EVFILT_USER = constant('EVFILT_USER');
export const EVFILT_VM = constant('EVFILT_VM');
export const EVFILT_EXCEPT = constant('EVFILT_EXCEPT');

export const EV_ADD = constant('EV_ADD');
export const EV_DELETE = constant('EV_DELETE');
export const EV_ENABLE = constant('EV_ENABLE');
export const EV_DISABLE = constant('EV_DISABLE');
export const EV_ONESHOT = constant('EV_ONESHOT');
export const EV_CLEAR = constant('EV_CLEAR');
export const EV_RECEIPT = constant('EV_RECEIPT');
export const EV_DISPATCH = constant('EV_DISPATCH');
export const EV_UDATA_SPECIFIC = constant('EV_UDATA_SPECIFIC');
export const EV_VANISHED = constant('EV_VANISHED');
export const EV_FLAG0 = constant('EV_FLAG0');
export const EV_FLAG1 = constant('EV_FLAG1');
export const EV_ERROR = constant('EV_ERROR');
export const EV_EOF = constant('EV_EOF');

export const NOTE_LOWAT = constant('NOTE_LOWAT');
export const NOTE_OOB = constant('NOTE_OOB');
export const NOTE_DELETE = constant('NOTE_DELETE');
export const NOTE_WRITE = constant('NOTE_WRITE');
export const NOTE_EXTEND = constant('NOTE_EXTEND');
export const NOTE_ATTRIB = constant('NOTE_ATTRIB');
export const NOTE_LINK = constant('NOTE_LINK');
export const NOTE_RENAME = constant('NOTE_RENAME');
export const NOTE_FUNLOCK = constant('NOTE_FUNLOCK');
export const NOTE_EXIT = constant('NOTE_EXIT');
export const NOTE_EXITSTATUS = constant('NOTE_EXITSTATUS');
export const NOTE_FORK = constant('NOTE_FORK');
export const NOTE_EXEC = constant('NOTE_EXEC');
export const NOTE_TRACK = constant('NOTE_TRACK');
export const NOTE_TRIGGER = constant('NOTE_TRIGGER');
export const NOTE_FFNOP = constant('NOTE_FFNOP');
export const NOTE_FFAND = constant('NOTE_FFAND');
export const NOTE_FFOR = constant('NOTE_FFOR');
export const NOTE_FFCOPY = constant('NOTE_FFCOPY');
export const NOTE_FFLAGSMASK = constant('NOTE_FFLAGSMASK');
export const NOTE_SECONDS = constant('NOTE_SECONDS');
export const NOTE_USECONDS = constant('NOTE_USECONDS');
export const NOTE_NSECONDS = constant('NOTE_NSECONDS');
export const NOTE_ABSOLUTE = constant('NOTE_ABSOLUTE');
export const NOTE_LEEWAY = constant('NOTE_LEEWAY');
export const NOTE_CRITICAL = constant('NOTE_CRITICAL');
export const NOTE_BACKGROUND = constant('NOTE_BACKGROUND');
export const NOTE_MACH_CONTINUOUS_TIME = constant('NOTE_MACH_CONTINUOUS_TIME');
export const NOTE_MACHTIME = constant('NOTE_MACHTIME');

const { abi } = api.kernel;
const errnos: Readonly<Record<string, number>> = kernels[abi].errno;

/** The number of an errno in an entry's `data`: Darwin's, or the kernel's own. */
export const errnoNumber = (name: string): number => errnos[name] ?? Number.NaN;

export const EPERM = errnoNumber('EPERM');
export const ENOENT = errnoNumber('ENOENT');
export const EBADF = errnoNumber('EBADF');
export const EINVAL = errnoNumber('EINVAL');
export const ERANGE = errnoNumber('ERANGE');
export const EINPROGRESS = errnoNumber('EINPROGRESS');
export const ENOTSUP = errnoNumber('ENOTSUP');
export const ECONNRESET = errnoNumber('ECONNRESET');
export const ECONNREFUSED = errnoNumber('ECONNREFUSED');

/** What one that is delivered says besides: FreeBSD strips these. */
const ACTIONS = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE;

/**
 * The flags of an entry as kernels can be compared by: all of them where
 * Darwin's are spoken. Elsewhere ADD, DELETE, ENABLE and DISABLE may be missing,
 * and of an error or a receipt there is EV_ERROR alone (spec E1, C8, P1, P2).
 */
export function comparable(flags: number): number {
  if (abi === 'darwin') return flags;
  return (flags & EV_ERROR) !== 0 ? EV_ERROR : flags & ~ACTIONS;
}
