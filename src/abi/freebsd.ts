// sys/event.h of FreeBSD 15, compared with that of 14, kqueue(2).

import type { Table } from './shape.js';

// Filters.
const filters = {
  EVFILT_READ: -1,
  EVFILT_WRITE: -2,
  EVFILT_AIO: -3,
  EVFILT_VNODE: -4,
  EVFILT_PROC: -5,
  EVFILT_SIGNAL: -6,
  EVFILT_TIMER: -7,
  EVFILT_PROCDESC: -8,
  EVFILT_FS: -9,
  EVFILT_LIO: -10,
  EVFILT_USER: -11,
  EVFILT_SENDFILE: -12,
  EVFILT_EMPTY: -13,
  EVFILT_JAIL: -14, // from 15
  EVFILT_JAILDESC: -15, // from 15
  EVFILT_SYSCOUNT: 15,
} as const;

// Flags of changes and events.
const flags = {
  EV_ADD: 0x0001,
  EV_DELETE: 0x0002,
  EV_ENABLE: 0x0004,
  EV_DISABLE: 0x0008,
  EV_FORCEONESHOT: 0x0100,
  EV_KEEPUDATA: 0x0200, // from 14
  EV_ONESHOT: 0x0010,
  EV_CLEAR: 0x0020,
  EV_RECEIPT: 0x0040,
  EV_DISPATCH: 0x0080,
  EV_SYSFLAGS: 0xf000,
  EV_DROP: 0x1000,
  EV_FLAG1: 0x2000,
  EV_EOF: 0x8000,
  EV_ERROR: 0x4000,
  EV_FLAG2: 0x4000,
} as const;

// EVFILT_USER: what to do with the stored fflags (the top two bits).
const userOperations = {
  NOTE_FFNOP: 0x00000000,
  NOTE_FFAND: 0x40000000,
  NOTE_FFOR: 0x80000000,
  NOTE_FFCOPY: 0xc0000000,
} as const;

// EVFILT_USER.
const userNotes = {
  ...userOperations,
  NOTE_TRIGGER: 0x01000000,
  NOTE_FFCTRLMASK: 0xc0000000,
  NOTE_FFLAGSMASK: 0x00ffffff,
} as const;

// EVFILT_WRITE.
const writeNotes = {
  NOTE_LOWAT: 0x0001,
} as const;

// EVFILT_READ.
const readNotes = {
  ...writeNotes,
  NOTE_FILE_POLL: 0x0002,
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
  NOTE_OPEN: 0x0080,
  NOTE_CLOSE: 0x0100,
  NOTE_CLOSE_WRITE: 0x0200,
  NOTE_READ: 0x0400,
} as const;

// EVFILT_PROCDESC.
const procdescNotes = {
  NOTE_EXIT: 0x80000000,
  NOTE_PCTRLMASK: 0xf0000000,
  NOTE_PDATAMASK: 0x000fffff,
} as const;

// EVFILT_PROC.
const procNotes = {
  ...procdescNotes,
  NOTE_FORK: 0x40000000,
  NOTE_EXEC: 0x20000000,
  NOTE_TRACK: 0x00000001,
  NOTE_TRACKERR: 0x00000002,
  NOTE_CHILD: 0x00000004,
} as const;

// EVFILT_JAIL and EVFILT_JAILDESC; from 15.
const jailNotes = {
  NOTE_JAIL_CHILD: 0x80000000,
  NOTE_JAIL_SET: 0x40000000,
  NOTE_JAIL_ATTACH: 0x20000000,
  NOTE_JAIL_REMOVE: 0x10000000,
  NOTE_JAIL_MULTI: 0x08000000,
  NOTE_JAIL_CTRLMASK: 0xf0000000,
} as const;

// EVFILT_TIMER.
const timerNotes = {
  NOTE_SECONDS: 0x00000001,
  NOTE_MSECONDS: 0x00000002,
  NOTE_USECONDS: 0x00000004,
  NOTE_NSECONDS: 0x00000008,
  NOTE_ABSTIME: 0x00000010,
} as const;

// The flags argument of kqueuex (from 14).
const kqueueFlags = {
  KQUEUE_CLOEXEC: 0x00000001,
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
  ENOPROTOOPT: 42, EPROTONOSUPPORT: 43, ESOCKTNOSUPPORT: 44, ENOTSUP: 45,
  EOPNOTSUPP: 45, EPFNOSUPPORT: 46, EAFNOSUPPORT: 47, EADDRINUSE: 48,
  EADDRNOTAVAIL: 49, ENETDOWN: 50, ENETUNREACH: 51, ENETRESET: 52,
  ECONNABORTED: 53, ECONNRESET: 54, ENOBUFS: 55, EISCONN: 56, ENOTCONN: 57,
  ESHUTDOWN: 58, ETOOMANYREFS: 59, ETIMEDOUT: 60, ECONNREFUSED: 61, ELOOP: 62,
  ENAMETOOLONG: 63, EHOSTDOWN: 64, EHOSTUNREACH: 65, ENOTEMPTY: 66,
  EPROCLIM: 67, EUSERS: 68, EDQUOT: 69, ESTALE: 70, EREMOTE: 71, EBADRPC: 72,
  ERPCMISMATCH: 73, EPROGUNAVAIL: 74, EPROGMISMATCH: 75, EPROCUNAVAIL: 76,
  ENOLCK: 77, ENOSYS: 78, EFTYPE: 79, EAUTH: 80, ENEEDAUTH: 81, EIDRM: 82,
  ENOMSG: 83, EOVERFLOW: 84, ECANCELED: 85, EILSEQ: 86, ENOATTR: 87,
  EDOOFUS: 88, EBADMSG: 89, EMULTIHOP: 90, ENOLINK: 91, EPROTO: 92,
  ENOTCAPABLE: 93, ECAPMODE: 94, ENOTRECOVERABLE: 95, EOWNERDEAD: 96,
  EINTEGRITY: 97, ELAST: 97,
} as const;

// sys/signal.h
// biome-ignore format: one value per line would take five times the space
const signals = {
  SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6,
  SIGIOT: 6, SIGEMT: 7, SIGFPE: 8, SIGKILL: 9, SIGBUS: 10, SIGSEGV: 11,
  SIGSYS: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGURG: 16, SIGSTOP: 17,
  SIGTSTP: 18, SIGCONT: 19, SIGCHLD: 20, SIGTTIN: 21, SIGTTOU: 22, SIGIO: 23,
  SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27, SIGWINCH: 28,
  SIGINFO: 29, SIGUSR1: 30, SIGUSR2: 31, SIGTHR: 32, SIGLWP: 32, SIGLIBRT: 33,
} as const;

const constants = {
  ...filters,
  ...flags,
  ...userNotes,
  ...readNotes,
  ...vnodeNotes,
  ...procNotes,
  ...jailNotes,
  ...timerNotes,
  ...kqueueFlags,
} as const;

/** FreeBSD 12 and later. */
export const freebsd: Table<'freebsd', typeof constants, typeof errno> = {
  name: 'freebsd',
  platforms: ['freebsd'],
  // libc.so without a number is a linker script, which dlopen refuses.
  libraries: ['libc.so.7'],
  symbols: {
    kqueue: ['kqueue'],
    kevent: [{ symbol: 'kevent', struct: 'kevent', counts: 'int' }],
    close: ['close'],
    errno: ['__error'],
  },
  cpus: ['x64', 'arm64', 'ia32', 'arm'],
  timeT: { ia32: 'int32' },
  structs: {
    kevent: {
      fields: [
        { name: 'ident', type: 'uintptr' },
        { name: 'filter', type: 'int16' },
        { name: 'flags', type: 'uint16' },
        { name: 'fflags', type: 'uint32' },
        { name: 'data', type: 'int64' },
        { name: 'udata', type: 'pointer' },
        { name: 'ext', type: 'uint64', count: 4 },
      ],
    },
    // FreeBSD 11 and older; dlsym never gives the entry that takes it.
    freebsd11_kevent: {
      fields: [
        { name: 'ident', type: 'uintptr' },
        { name: 'filter', type: 'int16' },
        { name: 'flags', type: 'uint16' },
        { name: 'fflags', type: 'uint32' },
        { name: 'data', type: 'intptr' },
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
    'fflag:WRITE': writeNotes,
    'fflag:READ': readNotes,
    'fflag:VNODE': vnodeNotes,
    'fflag:PROCDESC': procdescNotes,
    'fflag:PROC': procNotes,
    'fflag:JAIL': jailNotes,
    'fflag:JAILDESC': jailNotes,
    'fflag:TIMER': timerNotes,
    kqueue_flag: kqueueFlags,
  },
  fields: { 'fflag:USER': userOperations },
  meta: ['EVFILT_SYSCOUNT'],
  timerUnits: {
    default: 'milliseconds',
    seconds: 'NOTE_SECONDS',
    milliseconds: 'NOTE_MSECONDS',
    microseconds: 'NOTE_USECONDS',
    nanoseconds: 'NOTE_NSECONDS',
    absolute: 'NOTE_ABSTIME',
    encoding: 'flags',
  },
  errno,
  signals,
};
