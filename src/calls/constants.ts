/**
 * The constants of kqueue(2) and kevent(2) with the numbers of the running
 * kernel; on Linux those of Darwin.
 *
 * A constant is `undefined` on kernels that lack it; its docstring names the
 * kernels that have it. It is also `undefined` on releases before the one that
 * added it, such as `EVFILT_USER` before OpenBSD 7.8. The numbers of other
 * kernels are in `kqueue-ffi/abi`.
 *
 * @module
 */
import type { kernels } from '../abi/index.js';
import { hostConstants } from '../host/index.js';

type Tables = (typeof kernels)[keyof typeof kernels]['constants'];

/** The name of a constant that every kernel has. */
export type CommonConstantName = keyof Tables;

/** The name of a constant that some kernel has. */
export type ConstantName = Tables extends infer Table
  ? Table extends unknown
    ? keyof Table
    : never
  : never;

function of(name: CommonConstantName): number;
function of(name: ConstantName): number | undefined;
function of(name: ConstantName): number | undefined {
  return hostConstants[name];
}

// Filters.

/** The descriptor `ident` is readable; `data` is the number of bytes. */
export const EVFILT_READ = /* @__PURE__ */ of('EVFILT_READ');

/** The descriptor `ident` has space to write; `data` is the number of bytes. */
export const EVFILT_WRITE = /* @__PURE__ */ of('EVFILT_WRITE');

/** An asynchronous I/O request finished; registered through the request. */
export const EVFILT_AIO = /* @__PURE__ */ of('EVFILT_AIO');

/** The open file or directory `ident` changed in a way that `fflags` requests. */
export const EVFILT_VNODE = /* @__PURE__ */ of('EVFILT_VNODE');

/** The process with the pid `ident` exited, forked or called exec. */
export const EVFILT_PROC = /* @__PURE__ */ of('EVFILT_PROC');

/** The signal `ident` was sent to this process; `data` is the count. */
export const EVFILT_SIGNAL = /* @__PURE__ */ of('EVFILT_SIGNAL');

/**
 * The period `data` passed. It is in milliseconds unless `fflags` names another
 * unit. `ident` is a number of your choice.
 */
export const EVFILT_TIMER = /* @__PURE__ */ of('EVFILT_TIMER');

/** An event that the program itself triggers, with `NOTE_TRIGGER`. */
export const EVFILT_USER = /* @__PURE__ */ of('EVFILT_USER');

/** A message waits at the Mach port or port set `ident`. Only on Darwin. */
export const EVFILT_MACHPORT = /* @__PURE__ */ of('EVFILT_MACHPORT');

/**
 * A file system was mounted or unmounted, or is in trouble. Only on Darwin,
 * FreeBSD, NetBSD, DragonFly and libkqueue.
 */
export const EVFILT_FS = /* @__PURE__ */ of('EVFILT_FS');

/** The system is short of memory. Only on Darwin. */
export const EVFILT_VM = /* @__PURE__ */ of('EVFILT_VM');

/**
 * Out-of-band data, or another exceptional condition, on the descriptor
 * `ident`. Only on Darwin, OpenBSD and DragonFly.
 */
export const EVFILT_EXCEPT = /* @__PURE__ */ of('EVFILT_EXCEPT');

/** `EVFILT_PROC` for a process descriptor. Only on FreeBSD. */
export const EVFILT_PROCDESC = /* @__PURE__ */ of('EVFILT_PROCDESC');

/** A batch given to lio_listio finished. Only on FreeBSD and libkqueue. */
export const EVFILT_LIO = /* @__PURE__ */ of('EVFILT_LIO');

/** A sendfile finished; for the kernel itself. Only on FreeBSD. */
export const EVFILT_SENDFILE = /* @__PURE__ */ of('EVFILT_SENDFILE');

/**
 * The send buffer of the socket `ident` is empty. Only on FreeBSD and NetBSD.
 */
export const EVFILT_EMPTY = /* @__PURE__ */ of('EVFILT_EMPTY');

/** The jail with the id `ident` changed. Only on FreeBSD. */
export const EVFILT_JAIL = /* @__PURE__ */ of('EVFILT_JAIL');

/** `EVFILT_JAIL` for a jail descriptor. Only on FreeBSD. */
export const EVFILT_JAILDESC = /* @__PURE__ */ of('EVFILT_JAILDESC');

/** The state of the device `ident` changed. Only on OpenBSD. */
export const EVFILT_DEVICE = /* @__PURE__ */ of('EVFILT_DEVICE');

/**
 * The link state of a network interface changed; no backend on Linux. Only on
 * libkqueue.
 */
export const EVFILT_NETDEV = /* @__PURE__ */ of('EVFILT_NETDEV');

/** A command to libkqueue itself, given in `fflags`. Only on libkqueue. */
export const EVFILT_LIBKQUEUE = /* @__PURE__ */ of('EVFILT_LIBKQUEUE');

/** The number of filters in the header: not a filter. */
export const EVFILT_SYSCOUNT = /* @__PURE__ */ of('EVFILT_SYSCOUNT');

/** For the kernel itself: not a filter. Only on Darwin. */
export const EVFILT_THREADMARKER = /* @__PURE__ */ of('EVFILT_THREADMARKER');

/** For the kernel itself: not a filter. Only on DragonFly. */
export const EVFILT_MARKER = /* @__PURE__ */ of('EVFILT_MARKER');

// Flags: what to do with a change.

/**
 * Add a registration, or update an existing one. A new registration is enabled
 * unless `EV_DISABLE` is set.
 */
export const EV_ADD = /* @__PURE__ */ of('EV_ADD');

/** Remove the registration. */
export const EV_DELETE = /* @__PURE__ */ of('EV_DELETE');

/** Report events again after `EV_DISABLE` or `EV_DISPATCH`. */
export const EV_ENABLE = /* @__PURE__ */ of('EV_ENABLE');

/** Keep the registration, but report nothing. */
export const EV_DISABLE = /* @__PURE__ */ of('EV_DISABLE');

/** Remove the registration after its event is delivered (one-shot). */
export const EV_ONESHOT = /* @__PURE__ */ of('EV_ONESHOT');

/** Reset the state after an event is delivered (edge-triggered). */
export const EV_CLEAR = /* @__PURE__ */ of('EV_CLEAR');

/**
 * Report the result of the change as an `EV_ERROR` entry, with `data` 0 on success.
 * Needs room in the event list.
 */
export const EV_RECEIPT = /* @__PURE__ */ of('EV_RECEIPT');

/** Disable the registration after its event is delivered. */
export const EV_DISPATCH = /* @__PURE__ */ of('EV_DISPATCH');

/** `udata` is part of the key of the registration. Only on Darwin. */
export const EV_UDATA_SPECIFIC = /* @__PURE__ */ of('EV_UDATA_SPECIFIC');

/**
 * `EV_DISPATCH | EV_UDATA_SPECIFIC`: a delete of a disabled registration completes
 * when it is enabled. Only on Darwin.
 */
export const EV_DISPATCH2 = /* @__PURE__ */ of('EV_DISPATCH2');

/** `EV_ONESHOT`, reported at once. Only on FreeBSD. */
export const EV_FORCEONESHOT = /* @__PURE__ */ of('EV_FORCEONESHOT');

/** Leave the stored `udata` as it is. Only on FreeBSD. */
export const EV_KEEPUDATA = /* @__PURE__ */ of('EV_KEEPUDATA');

/**
 * For the kernel itself: the registration is to be dropped. Only on FreeBSD.
 */
export const EV_DROP = /* @__PURE__ */ of('EV_DROP');

// Flags of events.

/** End of file: the other side closed, or the end was reached. */
export const EV_EOF = /* @__PURE__ */ of('EV_EOF');

/**
 * The entry is the result of a change: `data` is the errno, or 0 for a receipt of
 * success.
 */
export const EV_ERROR = /* @__PURE__ */ of('EV_ERROR');

/** The watched object disappeared. Needs `EV_DISPATCH2`. Only on Darwin. */
export const EV_VANISHED = /* @__PURE__ */ of('EV_VANISHED');

/** Both directions are disconnected. Only on DragonFly. */
export const EV_HUP = /* @__PURE__ */ of('EV_HUP');

/** The end was reached and nothing is left to read. Only on DragonFly. */
export const EV_NODATA = /* @__PURE__ */ of('EV_NODATA');

// Flags: bits of the system and of the filters.

/**
 * `EVFILT_READ`: readiness as poll(2) defines it; the same bit as `EV_FLAG0`. Only
 * on Darwin.
 */
export const EV_POLL = /* @__PURE__ */ of('EV_POLL');

/**
 * `EVFILT_READ`: out-of-band data counts; the same bit as `EV_FLAG1`. Only on
 * Darwin.
 */
export const EV_OOBAND = /* @__PURE__ */ of('EV_OOBAND');

/** The filter decides its meaning. Only on Darwin. */
export const EV_FLAG0 = /* @__PURE__ */ of('EV_FLAG0');

/** The filter decides its meaning. */
export const EV_FLAG1 = /* @__PURE__ */ of('EV_FLAG1');

/**
 * The filter decides its meaning. The same bit as `EV_ERROR`. Only on
 * FreeBSD.
 */
export const EV_FLAG2 = /* @__PURE__ */ of('EV_FLAG2');

/** Mask of the bits that belong to the system. */
export const EV_SYSFLAGS = /* @__PURE__ */ of('EV_SYSFLAGS');

// Flags of the calls themselves.

/** kevent64: no flags. Only on Darwin. */
export const KEVENT_FLAG_NONE = /* @__PURE__ */ of('KEVENT_FLAG_NONE');

/** kevent64: do not wait. Only on Darwin. */
export const KEVENT_FLAG_IMMEDIATE = /* @__PURE__ */ of(
  'KEVENT_FLAG_IMMEDIATE',
);

/** kevent64: report failed changes only. Only on Darwin. */
export const KEVENT_FLAG_ERROR_EVENTS = /* @__PURE__ */ of(
  'KEVENT_FLAG_ERROR_EVENTS',
);

/** kqueuex: close the queue on exec. Only on FreeBSD. */
export const KQUEUE_CLOEXEC = /* @__PURE__ */ of('KQUEUE_CLOEXEC');

// fflags of EVFILT_READ, EVFILT_WRITE and EVFILT_EXCEPT.

/** `data` is the low-water mark: report when that many bytes are available. */
export const NOTE_LOWAT = /* @__PURE__ */ of('NOTE_LOWAT');

/** There is out-of-band data. Only on Darwin, OpenBSD and DragonFly. */
export const NOTE_OOB = /* @__PURE__ */ of('NOTE_OOB');

/** Report the end of the file as well. Only on OpenBSD. */
export const NOTE_EOF = /* @__PURE__ */ of('NOTE_EOF');

/**
 * `EVFILT_READ` of a regular file: always ready, as in poll(2). Only on
 * FreeBSD.
 */
export const NOTE_FILE_POLL = /* @__PURE__ */ of('NOTE_FILE_POLL');

// fflags of EVFILT_VNODE.

/** The file was unlinked. */
export const NOTE_DELETE = /* @__PURE__ */ of('NOTE_DELETE');

/** The contents were written. */
export const NOTE_WRITE = /* @__PURE__ */ of('NOTE_WRITE');

/** The file grew. */
export const NOTE_EXTEND = /* @__PURE__ */ of('NOTE_EXTEND');

/** The metadata changed. */
export const NOTE_ATTRIB = /* @__PURE__ */ of('NOTE_ATTRIB');

/** The number of links changed. */
export const NOTE_LINK = /* @__PURE__ */ of('NOTE_LINK');

/** The file was renamed. */
export const NOTE_RENAME = /* @__PURE__ */ of('NOTE_RENAME');

/**
 * Access was revoked, or the file system unmounted. Only on Darwin, FreeBSD,
 * OpenBSD, NetBSD and DragonFly.
 */
export const NOTE_REVOKE = /* @__PURE__ */ of('NOTE_REVOKE');

/** No particular change of the file. Only on Darwin. */
export const NOTE_NONE = /* @__PURE__ */ of('NOTE_NONE');

/** A lock of flock(2) was released. Only on Darwin. */
export const NOTE_FUNLOCK = /* @__PURE__ */ of('NOTE_FUNLOCK');

/** The holder of a lease is asked to downgrade it. Only on Darwin. */
export const NOTE_LEASE_DOWNGRADE = /* @__PURE__ */ of('NOTE_LEASE_DOWNGRADE');

/** The holder of a lease is asked to release it. Only on Darwin. */
export const NOTE_LEASE_RELEASE = /* @__PURE__ */ of('NOTE_LEASE_RELEASE');

/** The file was opened. Only on FreeBSD and NetBSD. */
export const NOTE_OPEN = /* @__PURE__ */ of('NOTE_OPEN');

/**
 * A descriptor of the file that was not open for writing was closed. Only on
 * FreeBSD and NetBSD.
 */
export const NOTE_CLOSE = /* @__PURE__ */ of('NOTE_CLOSE');

/**
 * A descriptor of the file that was open for writing was closed. Only on FreeBSD
 * and NetBSD.
 */
export const NOTE_CLOSE_WRITE = /* @__PURE__ */ of('NOTE_CLOSE_WRITE');

/** The file was read. Only on FreeBSD and NetBSD. */
export const NOTE_READ = /* @__PURE__ */ of('NOTE_READ');

/** The file was truncated. Only on OpenBSD and libkqueue. */
export const NOTE_TRUNCATE = /* @__PURE__ */ of('NOTE_TRUNCATE');

// fflags of EVFILT_PROC and EVFILT_PROCDESC, and of EVFILT_SIGNAL.

/** The process exited. */
export const NOTE_EXIT = /* @__PURE__ */ of('NOTE_EXIT');

/** The process forked. */
export const NOTE_FORK = /* @__PURE__ */ of('NOTE_FORK');

/** The process called exec. */
export const NOTE_EXEC = /* @__PURE__ */ of('NOTE_EXEC');

/** The process was reaped. Deprecated. Only on Darwin. */
export const NOTE_REAP = /* @__PURE__ */ of('NOTE_REAP');

/** For the kernel itself; shared with `EVFILT_SIGNAL`. Only on Darwin. */
export const NOTE_SIGNAL = /* @__PURE__ */ of('NOTE_SIGNAL');

/** Report the wait status in `data`. Only on Darwin. */
export const NOTE_EXITSTATUS = /* @__PURE__ */ of('NOTE_EXITSTATUS');

/** Report the reason of the exit in `fflags`. Only on Darwin. */
export const NOTE_EXIT_DETAIL = /* @__PURE__ */ of('NOTE_EXIT_DETAIL');

/** Reason of the exit: the text could not be decrypted. Only on Darwin. */
export const NOTE_EXIT_DECRYPTFAIL = /* @__PURE__ */ of(
  'NOTE_EXIT_DECRYPTFAIL',
);

/** Reason of the exit: a memory limit. Only on Darwin. */
export const NOTE_EXIT_MEMORY = /* @__PURE__ */ of('NOTE_EXIT_MEMORY');

/** Reason of the exit: code signing. Only on Darwin. */
export const NOTE_EXIT_CSERROR = /* @__PURE__ */ of('NOTE_EXIT_CSERROR');

/** Mask of the reasons of an exit. Only on Darwin. */
export const NOTE_EXIT_DETAIL_MASK = /* @__PURE__ */ of(
  'NOTE_EXIT_DETAIL_MASK',
);

/** Exited while it had another parent. No longer sent. Only on Darwin. */
export const NOTE_EXIT_REPARENTED = /* @__PURE__ */ of('NOTE_EXIT_REPARENTED');

/** Follow the children too. Darwin and Linux refuse it with ENOTSUP. */
export const NOTE_TRACK = /* @__PURE__ */ of('NOTE_TRACK');

/** A child could not be followed. */
export const NOTE_TRACKERR = /* @__PURE__ */ of('NOTE_TRACKERR');

/** This is the child of a process that is followed; `data` is its parent. */
export const NOTE_CHILD = /* @__PURE__ */ of('NOTE_CHILD');

/** Mask of the bits that are events. */
export const NOTE_PCTRLMASK = /* @__PURE__ */ of('NOTE_PCTRLMASK');

/** Mask of the bits that are data. */
export const NOTE_PDATAMASK = /* @__PURE__ */ of('NOTE_PDATAMASK');

// fflags of EVFILT_TIMER.

/**
 * `data` counts seconds. Only on Darwin, FreeBSD, OpenBSD, NetBSD and
 * libkqueue.
 */
export const NOTE_SECONDS = /* @__PURE__ */ of('NOTE_SECONDS');

/**
 * `data` counts milliseconds, as it does by default. 0 on OpenBSD and NetBSD,
 * where the units are numbers of one field: never `|` two. Only on FreeBSD,
 * OpenBSD and NetBSD.
 */
export const NOTE_MSECONDS = /* @__PURE__ */ of('NOTE_MSECONDS');

/**
 * `data` counts microseconds. Only on Darwin, FreeBSD, OpenBSD, NetBSD and
 * libkqueue.
 */
export const NOTE_USECONDS = /* @__PURE__ */ of('NOTE_USECONDS');

/**
 * `data` counts nanoseconds. Only on Darwin, FreeBSD, OpenBSD, NetBSD and
 * libkqueue.
 */
export const NOTE_NSECONDS = /* @__PURE__ */ of('NOTE_NSECONDS');

/**
 * `data` is a point in time since the epoch, not a period. Only on Darwin and
 * libkqueue.
 */
export const NOTE_ABSOLUTE = /* @__PURE__ */ of('NOTE_ABSOLUTE');

/**
 * `data` is a point in time since the epoch, not a period. Only on FreeBSD,
 * OpenBSD and NetBSD.
 */
export const NOTE_ABSTIME = /* @__PURE__ */ of('NOTE_ABSTIME');

/** `ext[1]` is how late the timer may be. Only on Darwin. */
export const NOTE_LEEWAY = /* @__PURE__ */ of('NOTE_LEEWAY');

/** Fire as punctually as possible. Only on Darwin. */
export const NOTE_CRITICAL = /* @__PURE__ */ of('NOTE_CRITICAL');

/** The timer may be late, to save power. Only on Darwin. */
export const NOTE_BACKGROUND = /* @__PURE__ */ of('NOTE_BACKGROUND');

/** The timer continues while the system sleeps. Only on Darwin. */
export const NOTE_MACH_CONTINUOUS_TIME = /* @__PURE__ */ of(
  'NOTE_MACH_CONTINUOUS_TIME',
);

/** `data` counts Mach absolute time units. Only on Darwin. */
export const NOTE_MACHTIME = /* @__PURE__ */ of('NOTE_MACHTIME');

// fflags of EVFILT_USER.

/** Trigger the event. */
export const NOTE_TRIGGER = /* @__PURE__ */ of('NOTE_TRIGGER');

/** Leave the stored `fflags` as they are. */
export const NOTE_FFNOP = /* @__PURE__ */ of('NOTE_FFNOP');

/** AND these `fflags` with the stored ones. */
export const NOTE_FFAND = /* @__PURE__ */ of('NOTE_FFAND');

/** OR these `fflags` into the stored ones. */
export const NOTE_FFOR = /* @__PURE__ */ of('NOTE_FFOR');

/** Replace the stored `fflags` with these. */
export const NOTE_FFCOPY = /* @__PURE__ */ of('NOTE_FFCOPY');

/** Mask of the operation: `NOTE_FFNOP` … `NOTE_FFCOPY`. */
export const NOTE_FFCTRLMASK = /* @__PURE__ */ of('NOTE_FFCTRLMASK');

/** Mask of the 24 bits that the program may use. */
export const NOTE_FFLAGSMASK = /* @__PURE__ */ of('NOTE_FFLAGSMASK');

// fflags of EVFILT_VM.

/** Memory is short. Only on Darwin. */
export const NOTE_VM_PRESSURE = /* @__PURE__ */ of('NOTE_VM_PRESSURE');

/** The program will clean up and exit when memory is short. Only on Darwin. */
export const NOTE_VM_PRESSURE_TERMINATE = /* @__PURE__ */ of(
  'NOTE_VM_PRESSURE_TERMINATE',
);

/** The program will exit at once when memory is short. Only on Darwin. */
export const NOTE_VM_PRESSURE_SUDDEN_TERMINATE = /* @__PURE__ */ of(
  'NOTE_VM_PRESSURE_SUDDEN_TERMINATE',
);

/** The shortage could not be reported. Only on Darwin. */
export const NOTE_VM_ERROR = /* @__PURE__ */ of('NOTE_VM_ERROR');

// fflags of EVFILT_JAIL and EVFILT_JAILDESC.

/** A child jail was created. Only on FreeBSD. */
export const NOTE_JAIL_CHILD = /* @__PURE__ */ of('NOTE_JAIL_CHILD');

/** The parameters of the jail changed. Only on FreeBSD. */
export const NOTE_JAIL_SET = /* @__PURE__ */ of('NOTE_JAIL_SET');

/** A process entered the jail. Only on FreeBSD. */
export const NOTE_JAIL_ATTACH = /* @__PURE__ */ of('NOTE_JAIL_ATTACH');

/** The jail was removed. Only on FreeBSD. */
export const NOTE_JAIL_REMOVE = /* @__PURE__ */ of('NOTE_JAIL_REMOVE');

/** Several children or processes in one event. Only on FreeBSD. */
export const NOTE_JAIL_MULTI = /* @__PURE__ */ of('NOTE_JAIL_MULTI');

/** Mask of the bits that are events. Only on FreeBSD. */
export const NOTE_JAIL_CTRLMASK = /* @__PURE__ */ of('NOTE_JAIL_CTRLMASK');

// fflags of EVFILT_DEVICE.

/** The device changed. Only on OpenBSD. */
export const NOTE_CHANGE = /* @__PURE__ */ of('NOTE_CHANGE');

// fflags of EVFILT_NETDEV.

/** The link came up. Only on libkqueue. */
export const NOTE_LINKUP = /* @__PURE__ */ of('NOTE_LINKUP');

/** The link went down. Only on libkqueue. */
export const NOTE_LINKDOWN = /* @__PURE__ */ of('NOTE_LINKDOWN');

/** The state of the link is invalid. Only on libkqueue. */
export const NOTE_LINKINV = /* @__PURE__ */ of('NOTE_LINKINV');

// fflags of EVFILT_FS.

/** The server does not respond. Only on libkqueue. */
export const VQ_NOTRESP = /* @__PURE__ */ of('VQ_NOTRESP');

/** The server asks for authentication. Only on libkqueue. */
export const VQ_NEEDAUTH = /* @__PURE__ */ of('VQ_NEEDAUTH');

/** Space is short. Only on libkqueue. */
export const VQ_LOWDISK = /* @__PURE__ */ of('VQ_LOWDISK');

/** A file system was mounted. Only on libkqueue. */
export const VQ_MOUNT = /* @__PURE__ */ of('VQ_MOUNT');

/** A file system was unmounted. Only on libkqueue. */
export const VQ_UNMOUNT = /* @__PURE__ */ of('VQ_UNMOUNT');

/** The file system is dead. Only on libkqueue. */
export const VQ_DEAD = /* @__PURE__ */ of('VQ_DEAD');

/** The file system needs help from outside. Only on libkqueue. */
export const VQ_ASSIST = /* @__PURE__ */ of('VQ_ASSIST');

/** The lock daemon is down. Only on libkqueue. */
export const VQ_NOTRESPLOCK = /* @__PURE__ */ of('VQ_NOTRESPLOCK');

// fflags of EVFILT_LIBKQUEUE: one command, not bits.

/** Report the version as a number. Only on libkqueue. */
export const NOTE_VERSION = /* @__PURE__ */ of('NOTE_VERSION');

/** Report the version as a string. Only on libkqueue. */
export const NOTE_VERSION_STR = /* @__PURE__ */ of('NOTE_VERSION_STR');

/**
 * Get or set whether calls are locked against other threads. Only on libkqueue.
 */
export const NOTE_THREAD_SAFE = /* @__PURE__ */ of('NOTE_THREAD_SAFE');

/** Get or set whether a forked child cleans up. Only on libkqueue. */
export const NOTE_FORK_CLEANUP = /* @__PURE__ */ of('NOTE_FORK_CLEANUP');

/** Get or set debugging output. Only on libkqueue. */
export const NOTE_DEBUG = /* @__PURE__ */ of('NOTE_DEBUG');

/** Set the prefix of lines of debugging output. Only on libkqueue. */
export const NOTE_DEBUG_PREFIX = /* @__PURE__ */ of('NOTE_DEBUG_PREFIX');

/** Set the function that receives debugging output. Only on libkqueue. */
export const NOTE_DEBUG_FUNC = /* @__PURE__ */ of('NOTE_DEBUG_FUNC');

/** Set how often files are polled; not on Linux. Only on libkqueue. */
export const NOTE_FILE_POLL_INTERVAL = /* @__PURE__ */ of(
  'NOTE_FILE_POLL_INTERVAL',
);
