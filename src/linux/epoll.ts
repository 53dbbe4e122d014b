import { fstatSync, readFileSync } from 'node:fs';
import {
  enterLoop,
  type Libc,
  leaveLoop,
  type NativeBlock,
  nativeBlock,
} from '../ffi/index.js';
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLIN,
} from './constants.js';
import {
  LINUX_EEXIST,
  LINUX_EINTR,
  LINUX_EINVAL,
  LINUX_ENOMEM,
  LINUX_ENOSPC,
  LINUX_ENOSYS,
  LINUX_EPERM,
} from './errno.js';

const MAX_EVENTS = 512;

/** Errnos by which the kernel could not look. */
const LACKS = new Set([LINUX_ENOMEM, LINUX_ENOSPC, LINUX_ENOSYS]);

/**
 * The calls of epoll(7) over one array of events for the whole process. The
 * array is only good until the next wait.
 */
export class Epoll {
  readonly #libc: Libc;
  readonly #events: NativeBlock;
  /** An event that asks for nothing. */
  readonly #nothing = nativeBlock(16);
  /** Words from one event to the next, and to its 64 bits of data. */
  readonly #stride: number;
  readonly #data: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#stride = libc.epollEventSize >> 2;
    this.#data = libc.epollEventSize === 12 ? 1 : 2;
    this.#events = nativeBlock(MAX_EVENTS * libc.epollEventSize);
  }

  /** There is no epoll_pwait2(2). */
  #isOld = false;

  /** How many events one wait can give. */
  readonly maxEvents = MAX_EVENTS;

  /** The ready bits of event `index` of the last wait. */
  bits(index: number): number {
    return this.#events.i32[index * this.#stride];
  }

  /** What {@link add} was given as `low`. */
  low(index: number): number {
    return this.#events.i32[index * this.#stride + this.#data];
  }

  /** What {@link add} was given as `high`. */
  high(index: number): number {
    return this.#events.i32[index * this.#stride + this.#data + 1];
  }

  add(ep: number, fd: number, bits: number, low: number, high: number): number {
    const result = this.#control(ep, EPOLL_CTL_ADD, fd, bits, low, high);
    if (result >= 0 || this.#libc.errno() !== LINUX_EINVAL) return result;
    // The file would have too many ways to the outermost epoll, which is the
    // event loop's: there must be room for what the program asks for.
    if (!leaveLoop()) return result;
    const again = this.#control(ep, EPOLL_CTL_ADD, fd, bits, low, high);
    const errno = this.#libc.errno();
    enterLoop();
    this.#libc.setErrno(errno);
    return again;
  }

  modify(
    ep: number,
    fd: number,
    bits: number,
    low: number,
    high: number,
  ): number {
    return this.#control(ep, EPOLL_CTL_MOD, fd, bits, low, high);
  }

  remove(ep: number, fd: number): number {
    return this.#control(ep, EPOLL_CTL_DEL, fd, 0, 0, 0);
  }

  /** Whether this very open file is in an epoll by this number. */
  has(ep: number, fd: number): boolean {
    const libc = this.#libc;
    if (libc.epollCtl(ep, EPOLL_CTL_ADD, fd, this.#nothing.address) < 0) {
      const errno = libc.errno();
      return errno === LINUX_EEXIST || (LACKS.has(errno) && isListed(ep, fd));
    }
    this.remove(ep, fd);
    return false;
  }

  poll(ep: number): number {
    const libc = this.#libc;
    const n = libc.epollWait(ep, this.#events.address, MAX_EVENTS, 0);
    if (n >= 0 || libc.errno() !== LINUX_EINTR) return n;
    return libc.epollWait(ep, this.#events.address, MAX_EVENTS, 0);
  }

  /** Wait; `timespec` is the address of one, 0 for ever. */
  wait(ep: number, timespec: number): number {
    const libc = this.#libc;
    if (!this.#isOld) {
      const n = libc.epollPwait2(
        ep,
        this.#events.address,
        MAX_EVENTS,
        timespec,
      );
      if (n >= 0) return n;
      const errno = libc.errno();
      this.#isOld = errno === LINUX_ENOSYS || errno === LINUX_EPERM;
      if (!this.#isOld) return n;
    }
    // Linux 5.10, or a sandbox that does not know the call.
    const { i32, address } = libc.scratch;
    i32[0] = ep;
    i32[1] = EPOLLIN;
    const ready = libc.ppoll(address, 1, timespec, 0);
    return ready <= 0 ? ready : this.poll(ep);
  }

  #control(
    ep: number,
    op: number,
    fd: number,
    bits: number,
    low: number,
    high: number,
  ): number {
    const { i32, address } = this.#libc.scratch;
    i32[0] = bits;
    i32[this.#data] = low;
    i32[this.#data + 1] = high;
    const result = this.#libc.epollCtl(ep, op, fd, address);
    if (result >= 0 || this.#libc.errno() !== LINUX_EINTR) return result;
    return this.#libc.epollCtl(ep, op, fd, address);
  }
}

/** Whether proc(5) lists a descriptor among the members of an epoll. */
function isListed(ep: number, fd: number): boolean {
  try {
    const { ino, dev } = fstatSync(fd, { bigint: true });
    const file = `ino:${ino.toString(16)} sdev:${kernelDevice(dev)}`;
    const info = readFileSync(`/proc/self/fdinfo/${ep}`, 'latin1');
    return info
      .split('\n')
      .some(
        (line) => line.match(MEMBER)?.[1] === `${fd}` && line.endsWith(file),
      );
  } catch {
    return false;
  }
}

const MEMBER = /^tfd:\s*(\d+)/;

/** A device as the kernel writes it in hexadecimal: 12 bits and 20 bits. */
function kernelDevice(dev: bigint): string {
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  return ((major << 20n) | minor).toString(16);
}
