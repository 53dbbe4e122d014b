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
  EPOLLET,
  EPOLLIN,
  EPOLLONESHOT,
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

/** The errnos of a poll that the kernel could not make. */
const LACKS = new Set([LINUX_ENOMEM, LINUX_ENOSPC, LINUX_ENOSYS]);

/**
 * The calls of epoll(7), over one array of events for the whole process. The
 * next wait overwrites the array.
 */
export class Epoll {
  readonly #libc: Libc;
  readonly #events: NativeBlock;
  /** An event without bits. */
  readonly #nothing = nativeBlock(16);
  /** The number of words per event, and the word of its 64 bits of data. */
  readonly #stride: number;
  readonly #data: number;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#stride = libc.epollEventSize >> 2;
    this.#data = libc.epollEventSize === 12 ? 1 : 2;
    this.#events = nativeBlock(MAX_EVENTS * libc.epollEventSize);
  }

  /** The kernel has no epoll_pwait2(2). */
  #isOld = false;

  /** The maximum number of events of one wait. */
  readonly maxEvents = MAX_EVENTS;

  /** The ready bits of event `index` of the last wait. */
  bits(index: number): number {
    return this.#events.i32[index * this.#stride];
  }

  /** The `low` of {@link add}. */
  low(index: number): number {
    return this.#events.i32[index * this.#stride + this.#data];
  }

  /** The `high` of {@link add}. */
  high(index: number): number {
    return this.#events.i32[index * this.#stride + this.#data + 1];
  }

  add(ep: number, fd: number, bits: number, low: number, high: number): number {
    const result = this.#control(ep, EPOLL_CTL_ADD, fd, bits, low, high);
    if (result >= 0 || this.#libc.errno() !== LINUX_EINVAL) return result;
    // The file would have too many paths to the epoll of the event loop. Leave
    // paths for the program's own use.
    if (!leaveLoop()) return result;
    const again = this.#control(ep, EPOLL_CTL_ADD, fd, bits, low, high);
    const errno = this.#libc.errno();
    enterLoop();
    this.#libc.setErrno(errno);
    return again;
  }

  /**
   * The same, if it may be there already: other code closed it or the epoll, and
   * later a duplicate took the number.
   */
  put(ep: number, fd: number, bits: number, low: number, high: number): number {
    const result = this.add(ep, fd, bits, low, high);
    if (result >= 0 || this.#libc.errno() !== LINUX_EEXIST) return result;
    this.remove(ep, fd);
    return this.add(ep, fd, bits, low, high);
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

  /** Whether an epoll has exactly this open file, by this number. */
  has(ep: number, fd: number): boolean {
    const libc = this.#libc;
    if (libc.epollCtl(ep, EPOLL_CTL_ADD, fd, this.#nothing.address) < 0) {
      const errno = libc.errno();
      return errno === LINUX_EEXIST || (LACKS.has(errno) && isListed(ep, fd));
    }
    this.remove(ep, fd);
    return false;
  }

  /**
   * Undo the last wait, of `n` events, on an epoll that is not the library's.
   * Entries that were reported as edges, or once, are armed again.
   */
  rearm(ep: number, n: number): void {
    const reported = new Map<string, number>();
    for (let i = 0; i < n; i++) {
      reported.set(`${this.low(i)},${this.high(i)}`, this.bits(i));
    }
    for (const { fd, bits, low, high } of entriesOf(ep)) {
      const found = reported.get(`${low},${high}`);
      if (found === undefined) continue;
      // An entry that is reported once forgets what it is armed for.
      if ((bits & EPOLLONESHOT) !== 0) {
        this.modify(ep, fd, bits | found, low, high);
      } else if ((bits & EPOLLET) !== 0) {
        this.modify(ep, fd, bits, low, high);
      }
    }
  }

  poll(ep: number): number {
    const libc = this.#libc;
    const n = libc.epollWait(ep, this.#events.address, MAX_EVENTS, 0);
    if (n >= 0 || libc.errno() !== LINUX_EINTR) return n;
    return libc.epollWait(ep, this.#events.address, MAX_EVENTS, 0);
  }

  /** Wait. `timespec` is the address of the maximum time. */
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
    // Linux 5.10 lacks the call, or a sandbox forbids it.
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

/** Whether proc(5) lists a descriptor as a member of an epoll. */
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

/** An entry of an epoll. */
interface ListedEntry {
  readonly fd: number;
  readonly bits: number;
  /** The words of {@link Epoll.add}. */
  readonly low: number;
  readonly high: number;
}

/** The entries of an epoll that proc(5) lists; none if it cannot be read. */
export function entriesOf(ep: number): readonly ListedEntry[] {
  const entry = /^tfd:\s*(\d+) events:\s*([0-9a-f]+) data:\s*([0-9a-f]+)/gm;
  try {
    const info = readFileSync(`/proc/self/fdinfo/${ep}`, 'latin1');
    return [...info.matchAll(entry)].map(([, fd, bits, data]) => ({
      fd: Number(fd),
      bits: Number.parseInt(bits, 16) | 0,
      low: Number.parseInt(data.slice(-8), 16) | 0,
      high: Number.parseInt(data.slice(0, -8), 16) | 0,
    }));
  } catch {
    return [];
  }
}

/** Format a device as the kernel does in hexadecimal: 12 bits and 20 bits. */
function kernelDevice(dev: bigint): string {
  const major = (dev >> 8n) & 0xfffn;
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xfff00n);
  return ((major << 20n) | minor).toString(16);
}
