import { type Libc, type NativeBlock, nativeBlock } from '../ffi/index.js';
import { CLOEXEC, EPOLLOUT, NONBLOCK } from './constants.js';
import { accessOf, type Descriptor, isSameAccess } from './descriptor.js';
import {
  LINUX_EBADF,
  LINUX_EINTR,
  LINUX_ENOBUFS,
  LINUX_ENOMEM,
  LINUX_EPIPE,
} from './errno.js';
import { toDouble } from './int64.js';

const FIONREAD = 0x541b;
const TIOCOUTQ = 0x5411;
const F_GETFL = 3;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
const SPLICE_F_NONBLOCK = 2;
const SEEK_CUR = 1;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_SNDBUF = 7;
const SO_RCVLOWAT = 18;
const SO_DOMAIN = 39;
const SO_MEMINFO = 55;
const IPPROTO_TCP = 6;
const TCP_INFO = 11;
const MSG_PEEK = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** The fields that statx is called for: type, mode, owner, ino, size. */
const STATX_BASIC = 0x7ff;

const PEEK_BYTES = 65536;
/** MAX_HANDLE_SZ, and the bytes of struct file_handle before the handle. */
const HANDLE_BYTES = 128;
const HANDLE_HEADER = 8;

/**
 * How many times a call is repeated that a signal or lack of memory
 * interrupted.
 */
const TRIES = 3;

/** The fields of statx for an open descriptor. */
export interface Stat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The major and minor number of the device, combined. */
  readonly device: number;
  /** The low and the high word, unsigned. Combined they may exceed 2^53. */
  readonly inode: number;
  readonly inodeHigh: number;
  readonly links: number;
  readonly size: number;
}

/** The identity of an inode: its device and both words of its number. */
export type Inode = Pick<Stat, 'device' | 'inode' | 'inodeHigh'>;

/** The identity of an open file, as far as its descriptor shows it. */
type OpenFile = Pick<
  Descriptor,
  keyof Inode | 'inodeGeneration' | 'reads' | 'writes'
>;

export const isSameInode = (a: Inode, b: Inode): boolean =>
  a.inode === b.inode && a.inodeHigh === b.inodeHigh && a.device === b.device;

/** Read-only queries about a descriptor. */
export class Probe {
  readonly #libc: Libc;
  readonly #scratch: NativeBlock;
  #peeked: NativeBlock | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#scratch = libc.scratch;
  }

  /** The flags of open(2), or -1. */
  openFlags(fd: number): number {
    return this.#libc.fcntl(fd, F_GETFL, 0);
  }

  /** The number of bytes that can be read; -1 if unknown. */
  readable(fd: number): number {
    const { i32, address } = this.#scratch;
    return this.#libc.ioctl(fd, FIONREAD, address) < 0 ? -1 : i32[0];
  }

  /**
   * The number of bytes, up to a limit, that recv(2) would return now. It
   * consumes none.
   */
  peek(fd: number): number {
    this.#peeked ??= nativeBlock(PEEK_BYTES);
    const { address } = this.#peeked;
    const flags = MSG_PEEK | MSG_DONTWAIT;
    return Math.max(this.#libc.recv(fd, address, PEEK_BYTES, flags), 0);
  }

  /**
   * The bytes that were written and that the other side has not read; -1 if
   * unknown.
   */
  unsent(fd: number): number {
    const { i32, address } = this.#scratch;
    return this.#libc.ioctl(fd, TIOCOUTQ, address) < 0 ? -1 : i32[0];
  }

  /** The ready bits of poll(2), now. */
  poll(fd: number, bits: number): number {
    const { i32, address } = this.#scratch;
    for (let tries = 1; ; tries++) {
      i32[0] = fd;
      i32[1] = bits;
      const n = this.#libc.poll(address, 1, 0);
      if (n >= 0) return n === 0 ? 0 : i32[1] >>> 16;
      // An EOF that is missed here would never be reported again.
      if (tries === TRIES || !this.#wasPutOff()) return 0;
    }
  }

  /** Whether a failed call may succeed if it is repeated. */
  #wasPutOff(): boolean {
    const errno = this.#libc.errno();
    return (
      errno === LINUX_EINTR || errno === LINUX_ENOMEM || errno === LINUX_ENOBUFS
    );
  }

  #statx(fd: number): number {
    const { address } = this.#scratch;
    for (let tries = 1; ; tries++) {
      const result = this.#libc.statx(fd, STATX_BASIC, address);
      if (result >= 0 || tries === TRIES || !this.#wasPutOff()) return result;
    }
  }

  pipeCapacity(fd: number): number {
    return this.#libc.fcntl(fd, F_GETPIPE_SZ, 0);
  }

  /**
   * Whether a pipe accepts no more bytes although it has fewer than its
   * capacity: each write may leave half a page unused. The test copies its
   * pages into another pipe, which fills in the same way. True if it cannot be
   * tested.
   */
  isPipeFull(fd: number): boolean {
    const libc = this.#libc;
    const { i32, address } = this.#scratch;
    const capacity = this.pipeCapacity(fd);
    if (libc.pipe(address, CLOEXEC | NONBLOCK) < 0) return true;
    const [copyOut, copyIn] = [i32[0], i32[1]];
    const isAsked =
      libc.fcntl(copyIn, F_SETPIPE_SZ, capacity) === capacity &&
      libc.tee(fd, copyIn, capacity, SPLICE_F_NONBLOCK) > 0;
    const isFull = !isAsked || (this.poll(copyIn, EPOLLOUT) & EPOLLOUT) === 0;
    libc.close(copyIn);
    libc.close(copyOut);
    return isFull;
  }

  isTerminal(fd: number): boolean {
    return this.#libc.isatty(fd) === 1;
  }

  /** The file offset, or -1. */
  offset(fd: number): number {
    return this.#libc.lseek(fd, 0, SEEK_CUR);
  }

  stat(fd: number): Stat | undefined {
    const { u32 } = this.#scratch;
    if (this.#statx(fd) < 0) return undefined;
    return {
      mode: u32[7] & 0xffff,
      uid: u32[5],
      gid: u32[6],
      device: u32[34] * 2 ** 20 + u32[35],
      inode: u32[8],
      inodeHigh: u32[9],
      links: u32[4],
      size: toDouble(u32[10], u32[11]),
    };
  }

  /**
   * The generation of a file's inode, or -1. Most file systems give the number
   * of a deleted file to the next one, with another generation, which is part
   * of the file handle. This is a hash of the handle.
   */
  inodeGeneration(fd: number): number {
    const { i32, address } = this.#scratch;
    i32[0] = HANDLE_BYTES;
    const mountId = address + HANDLE_HEADER + HANDLE_BYTES;
    if (this.#libc.nameToHandleAt(fd, address, mountId) < 0) return -1;
    let hash = 0;
    for (const word of i32.subarray(1, (HANDLE_HEADER + i32[0]) >> 2)) {
      // Handles that differ in one word have different hashes.
      hash = Math.imul(hash ^ word, 0x01000193);
    }
    return hash === -1 ? 0 : hash;
  }

  /** Whether a descriptor is open on a file. */
  isOpenOn(fd: number, file: OpenFile): boolean {
    const { u32 } = this.#scratch;
    // Only an error proves that the file is another one; success proves
    // nothing.
    if (this.#statx(fd) < 0) return this.#libc.errno() !== LINUX_EBADF;
    const isInode =
      u32[8] === file.inode &&
      u32[9] === file.inodeHigh &&
      u32[34] * 2 ** 20 + u32[35] === file.device;
    const flags = isInode ? this.openFlags(fd) : -1;
    return (
      isInode &&
      (flags < 0 || isSameAccess(accessOf(flags), file)) &&
      this.#mayBeGeneration(fd, file.inodeGeneration)
    );
  }

  /** False only if both are known, and differ. */
  #mayBeGeneration(fd: number, known: number): boolean {
    const now = known === -1 ? -1 : this.inodeGeneration(fd);
    return now === -1 || now === known;
  }

  /** The size of an open file. */
  size(fd: number): number {
    const { u32 } = this.#scratch;
    return this.#statx(fd) < 0 ? -1 : toDouble(u32[10], u32[11]);
  }

  /** SOCK_STREAM, SOCK_DGRAM … */
  socketType = (fd: number): number => this.#option(fd, SO_TYPE);
  /** AF_INET, AF_UNIX … */
  socketDomain = (fd: number): number => this.#option(fd, SO_DOMAIN);
  sendBuffer = (fd: number): number => this.#option(fd, SO_SNDBUF);
  receiveMark = (fd: number): number => this.#option(fd, SO_RCVLOWAT);

  /**
   * TCP's state and the number of connections to accept; -1 if it is not TCP.
   */
  tcpState(fd: number): number {
    return this.#tcpInfo(fd) > 0 ? this.#scratch.u8[64] : -1;
  }

  /**
   * The number of connections that a listening TCP socket can accept, or -1.
   */
  tcpBacklog(fd: number): number {
    return this.#tcpInfo(fd) >= 32 ? this.#scratch.u32[16 + 6] : -1;
  }

  /** Whether the peer has filled this TCP socket's receive buffer. */
  tcpIsFull(fd: number): boolean {
    const RCV_WND = 232;
    if (this.#tcpInfo(fd) >= RCV_WND + 4) {
      const { u32 } = this.#scratch;
      const receiveMss = u32[16 + 5];
      return u32[16 + RCV_WND / 4] < receiveMss;
    }
    const { u32, address } = this.#scratch;
    u32[0] = 36;
    if (
      this.#libc.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, address + 64, address) <
        0 ||
      u32[0] < 8
    ) {
      return false;
    }
    const [allocated, limit] = u32.subarray(16, 18);
    return allocated >= limit / 2;
  }

  /**
   * Whether sending was shut down on this AF_UNIX stream socket. If so, a send
   * of 0 bytes fails; otherwise it has no effect.
   */
  unixSendFails(fd: number): boolean {
    const { address } = this.#scratch;
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    for (let tries = 1; ; tries++) {
      const sent = this.#libc.send(fd, address, 0, flags);
      if (sent >= 0) return false;
      if (this.#libc.errno() === LINUX_EPIPE) return true;
      if (tries === TRIES || !this.#wasPutOff()) return false;
    }
  }

  /** Fill scratch from byte 64 with struct tcp_info; returns its length. */
  #tcpInfo(fd: number): number {
    const { i32, address } = this.#scratch;
    i32[0] = 512;
    return this.#libc.getsockopt(
      fd,
      IPPROTO_TCP,
      TCP_INFO,
      address + 64,
      address,
    ) < 0
      ? -1
      : i32[0];
  }

  #option(fd: number, name: number): number {
    const { i32, address } = this.#scratch;
    i32[0] = 4;
    const failed =
      this.#libc.getsockopt(fd, SOL_SOCKET, name, address + 8, address) < 0;
    // A shorter result would leave old contents in the memory.
    return failed || i32[0] !== 4 ? -1 : i32[2];
  }
}
