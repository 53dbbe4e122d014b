import { errnoCell } from './errno-cell.js';
import {
  loadError,
  type NativeFunction,
  type NativeType,
  openLibrary,
} from './library.js';
import { type NativeBlock, nativeBlock } from './native-block.js';
import { forThread } from './thread-fds.js';

/** System calls for which not every C library has a function. */
const SYSCALLS = {
  // Numbers below 424 differ between x86 and the generic table of newer
  // architectures. Later numbers are the same everywhere.
  statx: { x64: 332, generic: 291 },
  nameToHandleAt: { x64: 303, generic: 264 },
  kcmp: { x64: 312, generic: 272 },
  pidfdOpen: { x64: 434, generic: 434 },
  epollPwait2: { x64: 441, generic: 441 },
} as const;

/** The Linux calls that the kqueue over epoll needs. -1 is an error. */
export interface Libc {
  /** Memory for the arguments of one call. The next call overwrites it. */
  readonly scratch: NativeBlock;
  /** The size of `struct epoll_event`: packed on x86-64, aligned elsewhere. */
  readonly epollEventSize: 12 | 16;
  errno(): number;
  setErrno(errno: number): void;
  close(fd: number): number;
  dup3(fd: number, to: number, flags: number): number;
  read(fd: number, address: number, bytes: number): number;
  write(fd: number, address: number, bytes: number): number;
  lseek(fd: number, offset: number, whence: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  /** An ioctl that returns one int. */
  ioctl(fd: number, request: number, address: number): number;
  isatty(fd: number): number;
  poll(address: number, count: number, ms: number): number;
  ppoll(address: number, count: number, timespec: number, mask: number): number;
  socket(domain: number, type: number, protocol: number): number;
  send(fd: number, address: number, bytes: number, flags: number): number;
  recv(fd: number, address: number, bytes: number, flags: number): number;
  getsockopt(
    fd: number,
    level: number,
    name: number,
    value: number,
    length: number,
  ): number;
  epollCreate(flags: number): number;
  epollCtl(ep: number, op: number, fd: number, event: number): number;
  epollWait(ep: number, events: number, max: number, ms: number): number;
  eventfd(initial: number, flags: number): number;
  timerfdCreate(clock: number, flags: number): number;
  timerfdSettime(fd: number, flags: number, value: number, old: number): number;
  clockGettime(clock: number, address: number): number;
  inotifyInit(flags: number): number;
  inotifyAddWatch(fd: number, path: string, mask: number): number;
  inotifyRmWatch(fd: number, wd: number): number;
  /** statx(fd, "", AT_EMPTY_PATH, mask, address). */
  statx(fd: number, mask: number, address: number): number;
  /** name_to_handle_at(fd, "", handle, mountId, AT_EMPTY_PATH). */
  nameToHandleAt(fd: number, handle: number, mountId: number): number;
  kcmp(
    pid1: number,
    pid2: number,
    type: number,
    index1: number,
    index2: number,
  ): number;
  /** pipe2. */
  pipe(ends: number, flags: number): number;
  tee(from: number, to: number, bytes: number, flags: number): number;
  pidfdOpen(pid: number, flags: number): number;
  kill(pid: number, signal: number): number;
  waitid(type: number, id: number, info: number, options: number): number;
  /** epoll_pwait2 with a `struct timespec` of two 64-bit integers. */
  epollPwait2(ep: number, events: number, max: number, timeout: number): number;
}

const AT_EMPTY_PATH = 0x1000;

/**
 * Bind the C library of the process: glibc or musl, whichever Node.js is linked
 * with.
 *
 * @throws {KqueueError} `ERR_KQUEUE_LOAD` if a symbol is missing.
 */
export function bindLibc(): Libc {
  bound ??= bindAll();
  return bound;
}

/**
 * Bound once per thread: koffi ends the process if it binds a function while
 * the thread is being terminated.
 */
let bound: Libc | undefined;

function bindAll(): Libc {
  const library = openLibrary(null);
  const bind = (
    name: string,
    result: NativeType,
    args: readonly NativeType[],
  ): NativeFunction => {
    const fn = library.func(name, result, args);
    if (fn === undefined) throw loadError(`the C library has no ${name}`);
    return fn;
  };

  const fd = 'int';
  const address = 'uintptr_t';
  const size = 'size_t';
  const scratch = nativeBlock(4096);
  const empty = nativeBlock(8);
  const numbers = process.arch === 'x64' ? 'x64' : 'generic';
  const statx = bind('syscall', 'intptr_t', [
    'intptr_t',
    'intptr_t',
    address,
    'intptr_t',
    'intptr_t',
    address,
  ]);
  const nameToHandleAt = bind('syscall', 'intptr_t', [
    'intptr_t',
    'intptr_t',
    address,
    address,
    address,
    'intptr_t',
  ]);
  const kcmp = bind('syscall', 'intptr_t', [
    'intptr_t',
    'intptr_t',
    'intptr_t',
    'intptr_t',
    address,
    address,
  ]);
  const pidfdOpen = bind('syscall', 'intptr_t', [
    'intptr_t',
    'intptr_t',
    'intptr_t',
  ]);
  const pwait2 = bind('syscall', 'intptr_t', [
    'intptr_t',
    'intptr_t',
    address,
    'intptr_t',
    address,
    address,
    address,
  ]);
  const addWatch = bind('inotify_add_watch', 'int', [fd, address, 'uint']);
  // Each thread has its own location.
  const errno = errnoCell(bind('__errno_location', address, [])());
  return forThread({
    scratch,
    epollEventSize: process.arch === 'x64' ? 12 : 16,
    errno: errno.read,
    setErrno: errno.write,
    close: bind('close', 'int', [fd]),
    dup3: bind('dup3', 'int', [fd, fd, 'int']),
    read: bind('read', 'intptr_t', [fd, address, size]),
    write: bind('write', 'intptr_t', [fd, address, size]),
    lseek: bind('lseek', 'intptr_t', [fd, 'intptr_t', 'int']),
    fcntl: bind('fcntl', 'int', [fd, 'int', 'intptr_t']),
    ioctl: bind('ioctl', 'int', [fd, 'uintptr_t', address]),
    isatty: bind('isatty', 'int', [fd]),
    poll: bind('poll', 'int', [address, 'uintptr_t', 'int']),
    ppoll: bind('ppoll', 'int', [address, 'uintptr_t', address, address]),
    socket: bind('socket', 'int', ['int', 'int', 'int']),
    send: bind('send', 'intptr_t', [fd, address, size, 'int']),
    recv: bind('recv', 'intptr_t', [fd, address, size, 'int']),
    getsockopt: bind('getsockopt', 'int', [fd, 'int', 'int', address, address]),
    epollCreate: bind('epoll_create1', 'int', ['int']),
    epollCtl: bind('epoll_ctl', 'int', [fd, 'int', fd, address]),
    epollWait: bind('epoll_wait', 'int', [fd, address, 'int', 'int']),
    eventfd: bind('eventfd', 'int', ['uint', 'int']),
    timerfdCreate: bind('timerfd_create', 'int', ['int', 'int']),
    timerfdSettime: bind('timerfd_settime', 'int', [
      fd,
      'int',
      address,
      address,
    ]),
    clockGettime: bind('clock_gettime', 'int', ['int', address]),
    inotifyInit: bind('inotify_init1', 'int', ['int']),
    inotifyAddWatch: (watcher, path, mask) => {
      const bytes = new TextEncoder().encodeInto(path, scratch.u8);
      scratch.u8[bytes.written] = 0;
      return addWatch(watcher, scratch.address, mask);
    },
    inotifyRmWatch: bind('inotify_rm_watch', 'int', [fd, 'int']),
    statx: (file, mask, at) =>
      statx(
        SYSCALLS.statx[numbers],
        file,
        empty.address,
        AT_EMPTY_PATH,
        mask,
        at,
      ),
    nameToHandleAt: (file, handle, mountId) =>
      nameToHandleAt(
        SYSCALLS.nameToHandleAt[numbers],
        file,
        empty.address,
        handle,
        mountId,
        AT_EMPTY_PATH,
      ),
    kcmp: (pid1, pid2, type, index1, index2) =>
      kcmp(SYSCALLS.kcmp[numbers], pid1, pid2, type, index1, index2),
    pidfdOpen: (pid, flags) =>
      pidfdOpen(SYSCALLS.pidfdOpen[numbers], pid, flags),
    pipe: bind('pipe2', 'int', [address, 'int']),
    tee: bind('tee', 'intptr_t', [fd, fd, size, 'uint']),
    kill: bind('kill', 'int', ['int', 'int']),
    waitid: bind('waitid', 'int', ['int', 'uint', address, 'int']),
    epollPwait2: (ep, events, max, timeout) =>
      pwait2(SYSCALLS.epollPwait2[numbers], ep, events, max, timeout, 0, 0),
  });
}
