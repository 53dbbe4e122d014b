// sys/event.h of libkqueue 2.7.0 and of the commits after it up to 2026-07,
// kqueue(2).

import type { Table } from './shape.js';

// Filters.
const filters = {
  EVFILT_READ: -1,
  EVFILT_WRITE: -2,
  EVFILT_AIO: -3, // number only, to 2.7.0
  EVFILT_VNODE: -4,
  EVFILT_PROC: -5,
  EVFILT_SIGNAL: -6,
  EVFILT_TIMER: -7,
  EVFILT_NETDEV: -8, // number only, to 2.7.0
  EVFILT_FS: -9, // number only, to 2.7.0
  EVFILT_LIO: -10, // number only, to 2.7.0
  EVFILT_USER: -11,
  EVFILT_LIBKQUEUE: -12, // from 2.6
  EVFILT_SYSCOUNT: 12,
} as const;

// Flags of changes and events.
const flags = {
  EV_ADD: 0x0001,
  EV_DELETE: 0x0002,
  EV_ENABLE: 0x0004,
  EV_DISABLE: 0x0008,
  EV_ONESHOT: 0x0010,
  EV_CLEAR: 0x0020,
  EV_RECEIPT: 0x0040,
  EV_DISPATCH: 0x0080,
  EV_SYSFLAGS: 0xf000,
  EV_FLAG1: 0x2000,
  EV_EOF: 0x8000,
  EV_ERROR: 0x4000,
} as const;

// EVFILT_LIBKQUEUE: one command, not bits.
const libkqueueNotes = {
  NOTE_VERSION: 0x0001, // from 2.6
  NOTE_VERSION_STR: 0x0002, // from 2.6
  NOTE_THREAD_SAFE: 0x0003, // from 2.6
  NOTE_FORK_CLEANUP: 0x0004, // from 2.6
  NOTE_DEBUG: 0x0005, // from 2.6
  NOTE_DEBUG_PREFIX: 0x0006, // from 2.6
  NOTE_DEBUG_FUNC: 0x0007, // from 2.6
  NOTE_FILE_POLL_INTERVAL: 0x0008, // after 2.7.0
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

// EVFILT_READ and EVFILT_WRITE; after 2.7.0.
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
  NOTE_TRUNCATE: 0x0080, // after 2.7.0
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

// EVFILT_NETDEV.
const netdevNotes = {
  NOTE_LINKUP: 0x0001,
  NOTE_LINKDOWN: 0x0002,
  NOTE_LINKINV: 0x0004,
} as const;

// EVFILT_FS.
const fsNotes = {
  VQ_NOTRESP: 0x0001,
  VQ_NEEDAUTH: 0x0002,
  VQ_LOWDISK: 0x0004,
  VQ_MOUNT: 0x0008,
  VQ_UNMOUNT: 0x0010,
  VQ_DEAD: 0x0020,
  VQ_ASSIST: 0x0040,
  VQ_NOTRESPLOCK: 0x0080,
} as const;

// EVFILT_TIMER.
const timerNotes = {
  NOTE_SECONDS: 0x00000001,
  NOTE_USECONDS: 0x00000002,
  NOTE_NSECONDS: 0x00000004,
  NOTE_ABSOLUTE: 0x00000008,
} as const;

// sys/errno.h (glibc)
// biome-ignore format: one value per line would take five times the space
const errno = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7,
  ENOEXEC: 8, EBADF: 9, ECHILD: 10, EAGAIN: 11, EWOULDBLOCK: 11, ENOMEM: 12,
  EACCES: 13, EFAULT: 14, ENOTBLK: 15, EBUSY: 16, EEXIST: 17, EXDEV: 18,
  ENODEV: 19, ENOTDIR: 20, EISDIR: 21, EINVAL: 22, ENFILE: 23, EMFILE: 24,
  ENOTTY: 25, ETXTBSY: 26, EFBIG: 27, ENOSPC: 28, ESPIPE: 29, EROFS: 30,
  EMLINK: 31, EPIPE: 32, EDOM: 33, ERANGE: 34, EDEADLK: 35, EDEADLOCK: 35,
  ENAMETOOLONG: 36, ENOLCK: 37, ENOSYS: 38, ENOTEMPTY: 39, ELOOP: 40,
  ENOMSG: 42, EIDRM: 43, ECHRNG: 44, EL2NSYNC: 45, EL3HLT: 46, EL3RST: 47,
  ELNRNG: 48, EUNATCH: 49, ENOCSI: 50, EL2HLT: 51, EBADE: 52, EBADR: 53,
  EXFULL: 54, ENOANO: 55, EBADRQC: 56, EBADSLT: 57, EBFONT: 59, ENOSTR: 60,
  ENODATA: 61, ETIME: 62, ENOSR: 63, ENONET: 64, ENOPKG: 65, EREMOTE: 66,
  ENOLINK: 67, EADV: 68, ESRMNT: 69, ECOMM: 70, EPROTO: 71, EMULTIHOP: 72,
  EDOTDOT: 73, EBADMSG: 74, EOVERFLOW: 75, ENOTUNIQ: 76, EBADFD: 77,
  EREMCHG: 78, ELIBACC: 79, ELIBBAD: 80, ELIBSCN: 81, ELIBMAX: 82, ELIBEXEC: 83,
  EILSEQ: 84, ERESTART: 85, ESTRPIPE: 86, EUSERS: 87, ENOTSOCK: 88,
  EDESTADDRREQ: 89, EMSGSIZE: 90, EPROTOTYPE: 91, ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93, ESOCKTNOSUPPORT: 94, ENOTSUP: 95, EOPNOTSUPP: 95,
  EPFNOSUPPORT: 96, EAFNOSUPPORT: 97, EADDRINUSE: 98, EADDRNOTAVAIL: 99,
  ENETDOWN: 100, ENETUNREACH: 101, ENETRESET: 102, ECONNABORTED: 103,
  ECONNRESET: 104, ENOBUFS: 105, EISCONN: 106, ENOTCONN: 107, ESHUTDOWN: 108,
  ETOOMANYREFS: 109, ETIMEDOUT: 110, ECONNREFUSED: 111, EHOSTDOWN: 112,
  EHOSTUNREACH: 113, EALREADY: 114, EINPROGRESS: 115, ESTALE: 116, EUCLEAN: 117,
  ENOTNAM: 118, ENAVAIL: 119, EISNAM: 120, EREMOTEIO: 121, EDQUOT: 122,
  ENOMEDIUM: 123, EMEDIUMTYPE: 124, ECANCELED: 125, ENOKEY: 126,
  EKEYEXPIRED: 127, EKEYREVOKED: 128, EKEYREJECTED: 129, EOWNERDEAD: 130,
  ENOTRECOVERABLE: 131, ERFKILL: 132, EHWPOISON: 133,
} as const;

// sys/signal.h (glibc)
// biome-ignore format: one value per line would take five times the space
const signals = {
  SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6,
  SIGIOT: 6, SIGBUS: 7, SIGFPE: 8, SIGKILL: 9, SIGUSR1: 10, SIGSEGV: 11,
  SIGUSR2: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGSTKFLT: 16,
  SIGCHLD: 17, SIGCLD: 17, SIGCONT: 18, SIGSTOP: 19, SIGTSTP: 20, SIGTTIN: 21,
  SIGTTOU: 22, SIGURG: 23, SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27,
  SIGWINCH: 28, SIGIO: 29, SIGPOLL: 29, SIGPWR: 30, SIGSYS: 31,
} as const;

const constants = {
  ...filters,
  ...flags,
  ...libkqueueNotes,
  ...userNotes,
  ...readNotes,
  ...vnodeNotes,
  ...procNotes,
  ...netdevNotes,
  ...fsNotes,
  ...timerNotes,
} as const;

/**
 * libkqueue on Linux: a library in user space, not a kernel. Its errno and
 * signal numbers are those of glibc on x64 and arm64.
 */
export const libkqueue: Table<'libkqueue', typeof constants, typeof errno> = {
  name: 'libkqueue',
  platforms: [],
  // The second comes only with the development files.
  libraries: ['libkqueue.so.0', 'libkqueue.so'],
  symbols: {
    kqueue: ['kqueue'],
    kevent: [{ symbol: 'kevent', struct: 'kevent', counts: 'int' }],
    close: ['close'],
    errno: ['__errno_location'],
  },
  cpus: ['x64', 'arm64', 'ia32', 'arm'],
  timeT: { ia32: 'int32', arm: 'int32' },
  structs: {
    kevent: {
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
    'fflag:LIBKQUEUE': libkqueueNotes,
    'fflag:USER': userNotes,
    'fflag:READ': readNotes,
    'fflag:WRITE': readNotes,
    'fflag:VNODE': vnodeNotes,
    'fflag:PROC': procNotes,
    'fflag:NETDEV': netdevNotes,
    'fflag:FS': fsNotes,
    'fflag:TIMER': timerNotes,
  },
  fields: { 'fflag:USER': userOperations, 'fflag:LIBKQUEUE': libkqueueNotes },
  meta: ['EVFILT_SYSCOUNT'],
  timerUnits: {
    default: 'milliseconds',
    seconds: 'NOTE_SECONDS',
    microseconds: 'NOTE_USECONDS',
    nanoseconds: 'NOTE_NSECONDS',
    absolute: 'NOTE_ABSOLUTE',
    encoding: 'flags',
  },
  errno,
  signals,
};
