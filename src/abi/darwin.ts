// bsd/sys/event.h of xnu-11417.101.15 (macOS 15.4), kqueue(2).

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
  EVFILT_MACHPORT: -8,
  EVFILT_FS: -9,
  EVFILT_USER: -10,
  EVFILT_VM: -12,
  EVFILT_EXCEPT: -15,
  EVFILT_SYSCOUNT: 18,
  EVFILT_THREADMARKER: 18,
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
  EV_UDATA_SPECIFIC: 0x0100,
  EV_DISPATCH2: 0x0180,
  EV_VANISHED: 0x0200,
  EV_SYSFLAGS: 0xf000,
  EV_POLL: 0x1000,
  EV_FLAG0: 0x1000,
  EV_OOBAND: 0x2000,
  EV_FLAG1: 0x2000,
  EV_EOF: 0x8000,
  EV_ERROR: 0x4000,
} as const;

// The flags argument of kevent64.
const keventFlags = {
  KEVENT_FLAG_NONE: 0x000000,
  KEVENT_FLAG_IMMEDIATE: 0x000001,
  KEVENT_FLAG_ERROR_EVENTS: 0x000002,
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

// EVFILT_READ and EVFILT_WRITE.
const readNotes = {
  NOTE_LOWAT: 0x00000001,
} as const;

// EVFILT_EXCEPT.
const exceptNotes = {
  NOTE_OOB: 0x00000002,
} as const;

// EVFILT_VNODE.
const vnodeNotes = {
  NOTE_DELETE: 0x00000001,
  NOTE_WRITE: 0x00000002,
  NOTE_EXTEND: 0x00000004,
  NOTE_ATTRIB: 0x00000008,
  NOTE_LINK: 0x00000010,
  NOTE_RENAME: 0x00000020,
  NOTE_REVOKE: 0x00000040,
  NOTE_NONE: 0x00000080,
  NOTE_FUNLOCK: 0x00000100,
  NOTE_LEASE_DOWNGRADE: 0x00000200, // from macOS 13
  NOTE_LEASE_RELEASE: 0x00000400, // from macOS 13
} as const;

// EVFILT_SIGNAL.
const signalNotes = {
  NOTE_SIGNAL: 0x08000000,
} as const;

// EVFILT_PROC.
const procNotes = {
  NOTE_EXIT: 0x80000000,
  NOTE_FORK: 0x40000000,
  NOTE_EXEC: 0x20000000,
  NOTE_REAP: 0x10000000,
  ...signalNotes,
  NOTE_EXITSTATUS: 0x04000000,
  NOTE_EXIT_DETAIL: 0x02000000,
  NOTE_PDATAMASK: 0x000fffff,
  NOTE_PCTRLMASK: 0xfff00000,
  NOTE_EXIT_REPARENTED: 0x00080000,
  NOTE_EXIT_DETAIL_MASK: 0x00070000,
  NOTE_EXIT_DECRYPTFAIL: 0x00010000,
  NOTE_EXIT_MEMORY: 0x00020000,
  NOTE_EXIT_CSERROR: 0x00040000,
  NOTE_TRACK: 0x00000001,
  NOTE_TRACKERR: 0x00000002,
  NOTE_CHILD: 0x00000004,
} as const;

// EVFILT_VM.
const vmNotes = {
  NOTE_VM_PRESSURE: 0x80000000,
  NOTE_VM_PRESSURE_TERMINATE: 0x40000000,
  NOTE_VM_PRESSURE_SUDDEN_TERMINATE: 0x20000000,
  NOTE_VM_ERROR: 0x10000000,
} as const;

// EVFILT_TIMER.
const timerNotes = {
  NOTE_SECONDS: 0x00000001,
  NOTE_USECONDS: 0x00000002,
  NOTE_NSECONDS: 0x00000004,
  NOTE_ABSOLUTE: 0x00000008,
  NOTE_LEEWAY: 0x00000010,
  NOTE_CRITICAL: 0x00000020,
  NOTE_BACKGROUND: 0x00000040,
  NOTE_MACH_CONTINUOUS_TIME: 0x00000080,
  NOTE_MACHTIME: 0x00000100,
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
  EPFNOSUPPORT: 46, EAFNOSUPPORT: 47, EADDRINUSE: 48, EADDRNOTAVAIL: 49,
  ENETDOWN: 50, ENETUNREACH: 51, ENETRESET: 52, ECONNABORTED: 53,
  ECONNRESET: 54, ENOBUFS: 55, EISCONN: 56, ENOTCONN: 57, ESHUTDOWN: 58,
  ETOOMANYREFS: 59, ETIMEDOUT: 60, ECONNREFUSED: 61, ELOOP: 62,
  ENAMETOOLONG: 63, EHOSTDOWN: 64, EHOSTUNREACH: 65, ENOTEMPTY: 66,
  EPROCLIM: 67, EUSERS: 68, EDQUOT: 69, ESTALE: 70, EREMOTE: 71, EBADRPC: 72,
  ERPCMISMATCH: 73, EPROGUNAVAIL: 74, EPROGMISMATCH: 75, EPROCUNAVAIL: 76,
  ENOLCK: 77, ENOSYS: 78, EFTYPE: 79, EAUTH: 80, ENEEDAUTH: 81, EPWROFF: 82,
  EDEVERR: 83, EOVERFLOW: 84, EBADEXEC: 85, EBADARCH: 86, ESHLIBVERS: 87,
  EBADMACHO: 88, ECANCELED: 89, EIDRM: 90, ENOMSG: 91, EILSEQ: 92, ENOATTR: 93,
  EBADMSG: 94, EMULTIHOP: 95, ENODATA: 96, ENOLINK: 97, ENOSR: 98, ENOSTR: 99,
  EPROTO: 100, ETIME: 101, EOPNOTSUPP: 102, ENOPOLICY: 103,
  ENOTRECOVERABLE: 104, EOWNERDEAD: 105, EQFULL: 106, ELAST: 106,
} as const;

// sys/signal.h
// biome-ignore format: one value per line would take five times the space
const signals = {
  SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGILL: 4, SIGTRAP: 5, SIGABRT: 6,
  SIGIOT: 6, SIGEMT: 7, SIGFPE: 8, SIGKILL: 9, SIGBUS: 10, SIGSEGV: 11,
  SIGSYS: 12, SIGPIPE: 13, SIGALRM: 14, SIGTERM: 15, SIGURG: 16, SIGSTOP: 17,
  SIGTSTP: 18, SIGCONT: 19, SIGCHLD: 20, SIGTTIN: 21, SIGTTOU: 22, SIGIO: 23,
  SIGXCPU: 24, SIGXFSZ: 25, SIGVTALRM: 26, SIGPROF: 27, SIGWINCH: 28,
  SIGINFO: 29, SIGUSR1: 30, SIGUSR2: 31,
} as const;

const constants = {
  ...filters,
  ...flags,
  ...keventFlags,
  ...userNotes,
  ...readNotes,
  ...exceptNotes,
  ...vnodeNotes,
  ...procNotes,
  ...vmNotes,
  ...timerNotes,
} as const;

/** macOS and its kin; Linux too, where the package speaks Darwin. */
export const darwin: Table<'darwin', typeof constants, typeof errno> = {
  name: 'darwin',
  platforms: ['darwin'],
  // Not on disk since macOS 11, yet dlopen of the path works: never stat it.
  libraries: ['/usr/lib/libSystem.B.dylib', 'libSystem.dylib'],
  symbols: {
    kqueue: ['kqueue'],
    kevent: [{ symbol: 'kevent', struct: 'kevent', counts: 'int' }],
    close: ['close'],
    errno: ['__error'],
  },
  cpus: ['x64', 'arm64', 'ia32'],
  timeT: { ia32: 'int32' },
  structs: {
    kevent: {
      pack: 4,
      fields: [
        { name: 'ident', type: 'uintptr' },
        { name: 'filter', type: 'int16' },
        { name: 'flags', type: 'uint16' },
        { name: 'fflags', type: 'uint32' },
        { name: 'data', type: 'intptr' },
        { name: 'udata', type: 'pointer' },
      ],
    },
    // Taken by kevent64.
    kevent64_s: {
      fields: [
        { name: 'ident', type: 'uint64' },
        { name: 'filter', type: 'int16' },
        { name: 'flags', type: 'uint16' },
        { name: 'fflags', type: 'uint32' },
        { name: 'data', type: 'int64' },
        { name: 'udata', type: 'uint64' },
        { name: 'ext', type: 'uint64', count: 2 },
      ],
    },
    // Private: taken by kevent_qos.
    kevent_qos_s: {
      fields: [
        { name: 'ident', type: 'uint64' },
        { name: 'filter', type: 'int16' },
        { name: 'flags', type: 'uint16' },
        { name: 'qos', type: 'int32' },
        { name: 'udata', type: 'uint64' },
        { name: 'fflags', type: 'uint32' },
        { name: 'xflags', type: 'uint32' },
        { name: 'data', type: 'int64' },
        { name: 'ext', type: 'uint64', count: 4 },
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
    kevent_flag: keventFlags,
    'fflag:USER': userNotes,
    'fflag:READ': readNotes,
    'fflag:WRITE': readNotes,
    'fflag:EXCEPT': exceptNotes,
    'fflag:VNODE': vnodeNotes,
    'fflag:SIGNAL': signalNotes,
    'fflag:PROC': procNotes,
    'fflag:VM': vmNotes,
    'fflag:TIMER': timerNotes,
  },
  fields: { 'fflag:USER': userOperations },
  meta: ['EVFILT_SYSCOUNT', 'EVFILT_THREADMARKER'],
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
