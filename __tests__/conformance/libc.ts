// The C library's own calls, so that a test can make any object as a plain
// descriptor. Only primitive types: named koffi types collide between files.
import { constants as fs } from 'node:fs';
import { constants as os } from 'node:os';
import koffi from 'koffi';

const LINUX = process.platform === 'linux';
const library = koffi.load(
  process.platform === 'darwin' ? '/usr/lib/libSystem.B.dylib' : null,
);

type Native = (...args: (number | bigint | string)[]) => number;

const PTR = 'uintptr_t';
const bind = (name: string, result: string, parameters: string[]): Native =>
  library.func(name, result, parameters) as Native;

const native = {
  pipe: bind('pipe', 'int', [PTR]),
  socketpair: bind('socketpair', 'int', ['int', 'int', 'int', PTR]),
  dup: bind('dup', 'int', ['int']),
  dup2: bind('dup2', 'int', ['int', 'int']),
  close: bind('close', 'int', ['int']),
  shutdown: bind('shutdown', 'int', ['int', 'int']),
  fcntl: bind('fcntl', 'int', ['int', 'int', '...']),
  read: bind('read', 'intptr_t', ['int', PTR, 'size_t']),
  write: bind('write', 'intptr_t', ['int', PTR, 'size_t']),
  recv: bind('recv', 'intptr_t', ['int', PTR, 'size_t', 'int']),
  send: bind('send', 'intptr_t', ['int', PTR, 'size_t', 'int']),
  poll: bind('poll', 'int', [PTR, 'unsigned long', 'int']),
  lseek: bind('lseek', 'int64_t', ['int', 'int64_t', 'int']),
  socket: bind('socket', 'int', ['int', 'int', 'int']),
  bind: bind('bind', 'int', ['int', PTR, 'uint32_t']),
  listen: bind('listen', 'int', ['int', 'int']),
  connect: bind('connect', 'int', ['int', PTR, 'uint32_t']),
  accept: bind('accept', 'int', ['int', PTR, PTR]),
  getsockname: bind('getsockname', 'int', ['int', PTR, PTR]),
  setsockopt: bind('setsockopt', 'int', ['int', 'int', 'int', PTR, 'uint32_t']),
  getsockopt: bind('getsockopt', 'int', ['int', 'int', 'int', PTR, PTR]),
  openpt: bind('posix_openpt', 'int', ['int']),
  grantpt: bind('grantpt', 'int', ['int']),
  unlockpt: bind('unlockpt', 'int', ['int']),
  kill: bind('kill', 'int', ['int', 'int']),
  pthread_sigmask: bind('pthread_sigmask', 'int', ['int', PTR, PTR]),
  sigpending: bind('sigpending', 'int', [PTR]),
  sigemptyset: bind('sigemptyset', 'int', [PTR]),
  sigaddset: bind('sigaddset', 'int', [PTR, 'int']),
  sigismember: bind('sigismember', 'int', [PTR, 'int']),
  pthread_self: bind('pthread_self', PTR, []),
  pthread_kill: bind('pthread_kill', 'int', [PTR, 'int']),
  waitid: bind('waitid', 'int', ['int', 'intptr_t', PTR, 'int']),
  mmap: bind('mmap', PTR, [PTR, 'size_t', 'int', 'int', 'int', 'int64_t']),
  msync: bind('msync', 'int', [PTR, 'size_t', 'int']),
  munmap: bind('munmap', 'int', [PTR, 'size_t']),
  flock: bind('flock', 'int', ['int', 'int']),
  mkfifo: bind('mkfifo', 'int', ['str', 'uint32_t']),
};
const ptsname = library.func('ptsname', 'str', ['int']) as (
  fd: number,
) => string | null;

/** Memory whose address koffi reads once: kept here, so never collected. */
const SIZE = 65536;
const memory = new ArrayBuffer(SIZE);
const bytes = new DataView(memory);
const at = Number(koffi.address(memory));

/** The errno name of a failed C library call, in the names of the host. */
export class LibcError extends Error {
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call}: ${code}`);
    this.code = code;
  }
}

const names = new Map<number, string>();
for (const [name, value] of Object.entries(os.errno)) {
  if (!names.has(value)) names.set(value, name);
}

function invoke(
  call: keyof typeof native,
  ...args: (number | string)[]
): number {
  const result = Number(native[call](...args));
  if (result !== -1) return result;
  const errno = koffi.errno();
  throw new LibcError(call, names.get(errno) ?? String(errno));
}

/** The errno name of the host's number. */
export const hostErrno = (value: number): string =>
  names.get(value) ?? String(value);

const pairOfInts = (): [number, number] => [
  bytes.getInt32(0, true),
  bytes.getInt32(4, true),
];

export function pipe(): [number, number] {
  invoke('pipe', at);
  return pairOfInts();
}

export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
const AF_UNIX = 1;
const AF_INET = 2;

export function socketpair(type = SOCK_STREAM): [number, number] {
  invoke('socketpair', AF_UNIX, type, 0, at);
  return pairOfInts();
}

export const dup = (fd: number): number => invoke('dup', fd);
export const dup2 = (fd: number, to: number): number => invoke('dup2', fd, to);
export const close = (fd: number): number => invoke('close', fd);

export const SHUT = { RD: 0, WR: 1, RDWR: 2 } as const;
export const shutdown = (fd: number, how: keyof typeof SHUT): number =>
  invoke('shutdown', fd, SHUT[how]);

/** fcntl with the integer third argument, passed as the variadic it is. */
function fcntl(fd: number, command: number, value: number): number {
  const result = native.fcntl(fd, command, 'int', value);
  if (result !== -1) return result;
  throw new LibcError('fcntl', hostErrno(koffi.errno()));
}
const F_DUPFD = 0;
const F_GETFD = 1;
const F_GETFL = 3;
const F_SETFL = 4;

export function setNonblocking(fd: number): void {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) | fs.O_NONBLOCK);
}
const isNonblocking = (fd: number): boolean =>
  (fcntl(fd, F_GETFL, 0) & fs.O_NONBLOCK) !== 0;
export const descriptorFlags = (fd: number): number => fcntl(fd, F_GETFD, 0);
export const FD_CLOEXEC = 1;

/** A number from `low` up that is not open, below the process's limit. */
export function unusedNumber(open: number, low = 200): number {
  const fd = fcntl(open, F_DUPFD, low);
  close(fd);
  return fd;
}

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLHUP = 16;

/** poll(2) on one descriptor: its revents. */
export function poll(fd: number, events = POLLIN, ms = 0): number {
  bytes.setInt32(0, fd, true);
  bytes.setInt16(4, events, true);
  bytes.setInt16(6, 0, true);
  invoke('poll', at, 1, ms);
  return bytes.getInt16(6, true);
}

/** Refuse a call that would block this thread for ever. */
function refuseToBlock(fd: number, events: number, call: string): void {
  if (!isNonblocking(fd) && poll(fd, events) === 0) {
    throw new Error(`${call}(${fd}) would block`);
  }
}

/** Read up to `count` bytes: how many came. */
export function read(fd: number, count: number): number {
  refuseToBlock(fd, POLLIN, 'read');
  return invoke('read', fd, at, Math.min(count, SIZE));
}

/** Read where reading cannot block, as on a queue. */
export const readNow = (fd: number, count: number): number =>
  invoke('read', fd, at, count);

/** Write `count` bytes of anything. */
export function write(fd: number, count: number): number {
  return invoke('write', fd, at, Math.min(count, SIZE));
}

/** Write that text's bytes. */
export function writeText(fd: number, text: string): number {
  new Uint8Array(memory).set(Buffer.from(text));
  return write(fd, Buffer.byteLength(text));
}

export const MSG_OOB = 1;
export const send = (fd: number, count: number, flags = 0): number =>
  invoke('send', fd, at, count, flags);
export function recv(fd: number, count: number, flags = 0): number {
  refuseToBlock(fd, POLLIN, 'recv');
  return invoke('recv', fd, at, Math.min(count, SIZE), flags);
}

function untilRefused(call: () => number): number {
  let total = 0;
  for (let i = 0; i < 65536; i++) {
    try {
      const count = call();
      if (count === 0) return total;
      total += count;
    } catch (error) {
      if (error instanceof LibcError && error.code === 'EAGAIN') return total;
      throw error;
    }
  }
  throw new Error('it never refused');
}

/** Make it non-blocking and write blocks until it refuses: the total. */
export function fill(fd: number, block = 1024): number {
  setNonblocking(fd);
  return untilRefused(() => write(fd, block));
}

/** Make it non-blocking and read until it is empty: the total. */
export function drain(fd: number): number {
  setNonblocking(fd);
  return untilRefused(() => read(fd, SIZE));
}

export const seek = (fd: number, offset: number): number =>
  invoke('lseek', fd, offset, 0);

/** Lay a sockaddr out in the scratch memory: its length. */
function sockaddr(family: number, body: Uint8Array): number {
  const length = 2 + body.length;
  const u8 = new Uint8Array(memory);
  if (LINUX) bytes.setUint16(0, family, true);
  else u8.set([length, family]);
  u8.set(body, 2);
  return length;
}
const loopback = (port: number): number =>
  sockaddr(
    AF_INET,
    Uint8Array.of(port >> 8, port & 255, 127, 0, 0, 1, ...Array(8).fill(0)),
  );
const unixPath = (path: string): number =>
  sockaddr(AF_UNIX, Buffer.from(`${path}\0`));

/** Where a socket binds or connects: a loopback port, or a UNIX path. */
export type Place = number | string;
const lay = (place: Place): number =>
  typeof place === 'number' ? loopback(place) : unixPath(place);

export const inetSocket = (type = SOCK_STREAM): number =>
  invoke('socket', AF_INET, type, 0);
export const unixSocket = (type = SOCK_STREAM): number =>
  invoke('socket', AF_UNIX, type, 0);
export const bindTo = (fd: number, place: Place): number =>
  invoke('bind', fd, at, lay(place));
export const listen = (fd: number, backlog = 16): number =>
  invoke('listen', fd, backlog);
export const connect = (fd: number, place: Place): number =>
  invoke('connect', fd, at, lay(place));
export function accept(fd: number): number {
  refuseToBlock(fd, POLLIN, 'accept');
  return invoke('accept', fd, 0, 0);
}

export function portOf(fd: number): number {
  bytes.setUint32(128, 128, true);
  invoke('getsockname', fd, at, at + 128);
  return bytes.getUint16(2);
}

const SOL_SOCKET = LINUX ? 1 : 0xffff;
const OPTIONS = {
  error: LINUX ? 4 : 0x1007,
  sendBuffer: LINUX ? 7 : 0x1001,
  receiveBuffer: LINUX ? 8 : 0x1002,
  linger: LINUX ? 13 : 0x80,
  receiveLowat: LINUX ? 18 : 0x1004,
} as const;

export function setOption(
  fd: number,
  option: keyof typeof OPTIONS,
  ...ints: number[]
): void {
  for (const [i, value] of ints.entries()) bytes.setInt32(4 * i, value, true);
  invoke('setsockopt', fd, SOL_SOCKET, OPTIONS[option], at, 4 * ints.length);
}

export function option(fd: number, name: keyof typeof OPTIONS): number {
  bytes.setUint32(128, 4, true);
  invoke('getsockopt', fd, SOL_SOCKET, OPTIONS[name], at, at + 128);
  return bytes.getInt32(0, true);
}

/** A new pseudo-terminal's master, and its slave's path. */
export function openMaster(): { master: number; slavePath: string } {
  const master = invoke('openpt', fs.O_RDWR | fs.O_NOCTTY);
  invoke('grantpt', master);
  invoke('unlockpt', master);
  const slavePath = ptsname(master);
  if (slavePath === null) throw new LibcError('ptsname', 'ENOTTY');
  return { master, slavePath };
}

export const mkfifo = (path: string): number => invoke('mkfifo', path, 0o600);

const setHandler = library.func('signal', 'uintptr_t', ['int', PTR]) as (
  signal: number,
  handler: number | bigint,
) => number | bigint;

/**
 * Catch a signal with a function that does nothing, as a C program does: with
 * SA_RESTART. The answer puts the old handler back.
 */
export function catchSignal(signal: number): () => void {
  // abs() does nothing with its int, and never calls back into JavaScript.
  const old = setHandler(signal, library.symbol('abs'));
  return () => {
    setHandler(signal, old);
  };
}

export const kill = (pid: number, signal: number): number =>
  invoke('kill', pid, signal);

/** Whether that is the number of a process, a zombie's included. */
export const isProcess = (pid: number): boolean =>
  native.kill(pid, 0) === 0 || hostErrno(koffi.errno()) !== 'ESRCH';

/** sys/wait.h of each system: P_PID, WEXITED and WNOWAIT. */
const WAITID: Partial<Record<string, readonly [number, number, number]>> = {
  linux: [1, 4, 0x01000000],
  darwin: [1, 4, 0x20],
  freebsd: [0, 16, 8],
  openbsd: [2, 4, 0x10],
};
const [P_PID, WEXITED, WNOWAIT] = WAITID[process.platform] ?? [1, 4, 0x20];

/** Wait until a child exits, without reaping it. */
export const waitForEnd = (pid: number): number =>
  invoke('waitid', P_PID, pid, at, WEXITED | WNOWAIT);

const LOCK_EX = 2;
const LOCK_UN = 8;

/** Lock a file and unlock it again. */
export function lockAndUnlock(fd: number): void {
  invoke('flock', fd, LOCK_EX);
  invoke('flock', fd, LOCK_UN);
}

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MS_SYNC = LINUX ? 4 : 0x10;

/** Store one byte into a file through a mapping, and flush it. */
export function storeThroughMapping(fd: number): void {
  const size = 4096;
  const protection = PROT_READ | PROT_WRITE;
  const address = invoke('mmap', 0, size, protection, MAP_SHARED, fd, 0);
  try {
    new Uint8Array(koffi.view(BigInt(address), size))[0] ^= 1;
    invoke('msync', address, size, MS_SYNC);
  } finally {
    invoke('munmap', address, size);
  }
}

const SIG_BLOCK = LINUX ? 0 : 1;
const SIG_SETMASK = LINUX ? 2 : 3;

/** Block a signal in this thread. The answer unblocks it. */
export function blockSignal(signal: number): () => void {
  const old = new ArrayBuffer(128);
  // An address alone does not keep the memory from being collected.
  const oldAt = (): number => Number(koffi.address(old));
  invoke('sigemptyset', at);
  invoke('sigaddset', at, signal);
  invoke('pthread_sigmask', SIG_BLOCK, at, oldAt());
  return () => {
    invoke('pthread_sigmask', SIG_SETMASK, oldAt(), 0);
  };
}

/** Whether a blocked signal waits to be delivered. */
export function isPending(signal: number): boolean {
  invoke('sigpending', at);
  return invoke('sigismember', at, signal) === 1;
}

/** Send this thread, not the process, a signal. */
export function signalThread(signal: number): void {
  native.pthread_kill(native.pthread_self(), signal);
}

const SIG_IGN = 1;

/** Ignore a signal. The answer puts the old handler back. */
export function ignoreSignal(signal: number): () => void {
  const old = setHandler(signal, SIG_IGN);
  return () => {
    setHandler(signal, old);
  };
}

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_REQUEST_DUMP = 0x301;
const NLMSG_ERROR = 2;

/**
 * Whether sock_diag(7) reports AF_UNIX sockets: the module unix_diag may be
 * missing, or netlink forbidden.
 */
export function hasUnixDiag(): boolean {
  const fd = native.socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
  if (fd < 0) return false;
  const REQUEST_BYTES = 40;
  new Uint8Array(memory).fill(0, 0, REQUEST_BYTES);
  bytes.setUint32(0, REQUEST_BYTES, true);
  bytes.setUint16(4, SOCK_DIAG_BY_FAMILY, true);
  bytes.setUint16(6, NLM_F_REQUEST_DUMP, true);
  bytes.setUint8(16, AF_UNIX);
  // No socket is in one of no states: the end of the list is all the answer.
  bytes.setUint32(20, 0, true);
  const isAnswered =
    native.send(fd, at, REQUEST_BYTES, 0) === REQUEST_BYTES &&
    native.recv(fd, at, SIZE, 0) > 0 &&
    bytes.getUint16(4, true) !== NLMSG_ERROR;
  native.close(fd);
  return isAnswered;
}
