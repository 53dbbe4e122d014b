// sys/event.h 1.54 of NetBSD (10), and that of 11, kqueue(2).

import type { Table } from './shape.js';

// Filters: they start at 0, so a zeroed struct is EVFILT_READ.
const filters = {
  EVFILT_READ: 0,
  EVFILT_WRITE: 1,
  EVFILT_AIO: 2,
  EVFILT_VNODE: 3,
  EVFILT_PROC: 4,
  EVFILT_SIGNAL: 5,
  EVFILT_TIMER: 6,
  EVFILT_FS: 7, // from 10
  EVFILT_USER: 8, // from 10
  EVFILT_EMPTY: 9, // from 10
  EVFILT_SYSCOUNT: 10,
} as const;

// Flags of changes and events.
const flags = {
  EV_ADD: 0x0001,
  EV_DELETE: 0x0002,
  EV_ENABLE: 0x0004,
  EV_DISABLE: 0x0008,
  EV_ONESHOT: 0x0010,
  EV_CLEAR: 0x0020,
  EV_RECEIPT: 0x0040, // from 10
  EV_DISPATCH: 0x0080, // from 10
  EV_SYSFLAGS: 0xf000,
  EV_FLAG1: 0x2000,
  EV_EOF: 0x8000,
  EV_ERROR: 0x4000,
} as const;

// EVFILT_USER: what to do with the stored fflags (the top two bits); from 10.
const userOperations = {
  NOTE_FFNOP: 0x00000000,
  NOTE_FFAND: 0x40000000,
  NOTE_FFOR: 0x80000000,
  NOTE_FFCOPY: 0xc0000000,
} as const;

// EVFILT_USER (from 10).
const userNotes = {
  ...userOperations,
  NOTE_TRIGGER: 0x01000000,
  NOTE_FFCTRLMASK: 0xc0000000,
  NOTE_FFLAGSMASK: 0x00ffffff,
} as const;

// EVFILT_READ and EVFILT_WRITE.
const readNotes = {
  NOTE_LOWAT: 0x0001,
} as const;

// EVFILT_VNODE.
const vnodeNotes = {
  NOTE_DELETE: 0x0001,
  NOTE_WRITE: 0x0002,
  NOTE_EXTEND: 0x0004,
  NOTE_ATTRIB: 0x0008,
  NOTE_LINK: 0x0010,
  NOTE_RENAME: 0x0020,
  NOTE_REVOKE: 0x0040,
  NOTE_OPEN: 0x0080, // from 10
  NOTE_CLOSE: 0x0100, // from 10
  NOTE_CLOSE_WRITE: 0x0200, // from 10
  NOTE_READ: 0x0400, // from 10
} as const;

// EVFILT_PROC.
const procNotes = {
  NOTE_EXIT: 0x80000000,
  NOTE_FORK: 0x40000000,
  NOTE_EXEC: 0x20000000,
  NOTE_PCTRLMASK: 0xf0000000,
  NOTE_PDATAMASK: 0x000fffff,
  NOTE_TRACK: 0x00000001,
  NOTE_TRACKERR: 0x00000002,
  NOTE_CHILD: 0x00000004,
} as const;

// EVFILT_TIMER: the unit of data (the lowest two bits); from 10.
const timerUnits = {
  NOTE_MSECONDS: 0x00000000,
  NOTE_SECONDS: 0x00000001,
  NOTE_USECONDS: 0x00000002,
  NOTE_NSECONDS: 0x00000003,
} as const;

// EVFILT_TIMER (from 10).
const timerNotes = {
  ...timerUnits,
  NOTE_ABSTIME: 0x00000010,
} as const;

// sys/errno.h
// biome-ignore format: one value per line would take five times the space
const errno = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7,
  ENOEXEC: 8, EBADF: 9, ECHILD: 10, EDEADLK: 11, ENOMEM: 12, EACCES: 13,
  EFAULT: 14, ENOTBLK: 15, EBUSY: 16, EEXIST: 17, EXDEV: 18, ENODEV: 19,
  ENOTDIR: 20, EISDIR: 21, EINVAL: 22, ENFILE: 23, EMFILE: 24, ENOTTY: 25,
  ETXTBSY: 26, EFBIG: 27, ENOSPC: 28, ESPIPE: 29, EROFS: 30, EMLINK: 31,
  EPIPE: 32, EDOM: 33, ERANGE: 34, EAGAIN: 35, EWOULDBLOCK: 35, EINPROGRESS: 36,
  EALREADY: 37, ENOTSOCK: 38, EDESTADDRREQ: 39, EMSGSIZE: 40, EPROTOTYPE: 41,
  ENOPROTOOPT: 42, EPROTONOSUPPORT: 43, ESOCKTNOSUPPORT: 44, EOPNOTSUPP: 45,
  EPFNOSUPPORT: 46, EAFNOSUPPORT: 47, EADDRINUSE: 48, EADDRNOTAVAIL: 49,
  ENETDOWN: 50, ENETUNREACH: 51, ENETRESET: 52, ECONNABORTED: 53,
  ECONNRESET: 54, ENOBUFS: 55, EISCONN: 56, ENOTCONN: 57, ESHUTDOWN: 58,
  ETOOMANYREFS: 59, ETIMEDOUT: 60, ECONNREFUSED: 61, ELOOP: 62,
  ENAMETOOLONG: 63, EHOSTDOWN: 64, EHOSTUNREACH: 65, ENOTEMPTY: 66,
  EPROCLIM: 67, EUSERS: 68, EDQUOT: 69, ESTALE: 70, EREMOTE: 71, EBADRPC: 72,
  ERPCMISMATCH: 73, EPROGUNAVAIL: 74, EPROGMISMATCH: 75, EPROCUNAVAIL: 76,
  ENOLCK: 77, ENOSYS: 78, EFTYPE: 79, EAUTH: 80, ENEEDAUTH: 81, EIDRM: 82,
  ENOMSG: 83, EOVERFLOW: 84, EILSEQ: 85, ENOTSUP: 86, ECANCELED: 87,
  EBADMSG: 88, ENODATA: 89, ENOSR: 90, ENOSTR: 91, ETIME: 92, ENOATTR: 93,
  EMULTIHOP: 94, ENOLINK: 95, EPROTO: 96, EOWNERDEAD: 97, ENOTRECOVERABLE: 98,
  ELAST: 98,
} as const;

// sys/signal.h
// biome-ignore format: one value per line would take five times the space
const signals = {
  SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6,
  SIGIOT: 6, SIGEMT: 7, SIGFPE: 8, SIGKILL: 9, SIGBUS: 10, SIGSEGV: 11,
  SIGSYS: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGURG: 16, SIGSTOP: 17,
  SIGTSTP: 18, SIGCONT: 19, SIGCHLD: 20, SIGTTIN: 21, SIGTTOU: 22, SIGIO: 23,
  SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27, SIGWINCH: 28,
  SIGINFO: 29, SIGUSR1: 30, SIGUSR2: 31, SIGPWR: 32,
} as const;

const constants = {
  ...filters,
  ...flags,
  ...userNotes,
  ...readNotes,
  ...vnodeNotes,
  ...procNotes,
  ...timerNotes,
} as const;

/** NetBSD 6 and later. */
export const netbsd: Table<'netbsd', typeof constants, typeof errno> = {
  name: 'netbsd',
  platforms: ['netbsd'],
  libraries: ['libc.so.12'],
  symbols: {
    kqueue: ['kqueue'],
    // Never plain kevent: it is the entry for programs built before 6.0, with a
    // 32-bit time_t.
    kevent: [
      { symbol: '__kevent100', struct: 'kevent@11', counts: 'size_t' },
      { symbol: '__kevent50', struct: 'kevent', counts: 'size_t' },
    ],
    close: ['close'],
    errno: ['__errno'],
  },
  cpus: ['x64', 'arm64', 'ia32', 'arm'],
  structs: {
    // From 11.
    'kevent@11': {
      fields: [
        { name: 'ident', type: 'uintptr' },
        { name: 'filter', type: 'uint32' },
        { name: 'flags', type: 'uint32' },
        { name: 'fflags', type: 'uint32' },
        { name: 'data', type: 'int64' },
        { name: 'udata', type: 'pointer' },
        { name: 'ext', type: 'uint64', count: 4 },
      ],
    },
    // To 10; up to 9 udata was an integer of the same size.
    kevent: {
      fields: [
        { name: 'ident', type: 'uintptr' },
        { name: 'filter', type: 'uint32' },
        { name: 'flags', type: 'uint32' },
        { name: 'fflags', type: 'uint32' },
        { name: 'data', type: 'int64' },
        { name: 'udata', type: 'pointer' },
      ],
    },
    timespec: {
      fields: [
        { name: 'tv_sec', type: 'time_t' },
        { name: 'tv_nsec', type: 'long' },
      ],
    },
  },
  constants,
  groups: {
    filter: filters,
    flag: flags,
    'fflag:USER': userNotes,
    'fflag:READ': readNotes,
    'fflag:WRITE': readNotes,
    'fflag:VNODE': vnodeNotes,
    'fflag:PROC': procNotes,
    'fflag:TIMER': timerNotes,
  },
  fields: { 'fflag:USER': userOperations, 'fflag:TIMER': timerUnits },
  meta: ['EVFILT_SYSCOUNT'],
  timerUnits: {
    default: 'milliseconds',
    seconds: 'NOTE_SECONDS',
    milliseconds: 'NOTE_MSECONDS',
    microseconds: 'NOTE_USECONDS',
    nanoseconds: 'NOTE_NSECONDS',
    absolute: 'NOTE_ABSTIME',
    encoding: 'enumerated',
  },
  errno,
  signals,
};
