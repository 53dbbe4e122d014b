import { readdirSync } from 'node:fs';
import type { Libc } from '../ffi/index.js';
import type { Epoll } from './epoll.js';
import { LINUX_ENOENT } from './errno.js';
import type { Probe } from './probe.js';
import type { FdSource } from './source.js';

const KCMP_FILE = 0;
const KCMP_EPOLL_TFD = 7;

/**
 * Tells whether a descriptor still stands for the open file it stood for. Any
 * code in the process may close a descriptor, and open or dup(2) another file
 * at its place: each place that kept one asks here before it trusts it.
 */
export class Identity {
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #probe: Probe;

  constructor(libc: Libc, epoll: Epoll, probe: Probe) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.#probe = probe;
  }

  /** Whether a source's descriptor still is the file that was registered. */
  isCurrent(source: FdSource): boolean {
    const { epoll, descriptor } = source;
    const { fd, device, inode, queue } = descriptor;
    const { kernel, interest } = source.queue;
    if (queue !== null && (queue.closed || kernel.queueOf(fd) !== queue)) {
      return false;
    }
    if (epoll < 0) return this.#probe.isOpenOn(fd, device, inode);
    // Adding what is there already does nothing and says so, exactly.
    if (!this.#epoll.has(epoll, fd)) return false;
    if (!interest.mayHaveLeftover(fd)) return true;
    // It may be there twice: as this file, and as one that was closed.
    const now = kernel.descriptors.read(fd);
    return (
      now !== undefined &&
      now.device === device &&
      now.inode === inode &&
      now.reads === descriptor.reads &&
      now.writes === descriptor.writes
    );
  }

  /** Whether two descriptors are dups of one open file. */
  isSameFile(fd: number, other: number): boolean {
    return this.#compare(KCMP_FILE, fd, other);
  }

  /** Another descriptor of the same open file, if there is one. */
  findDup(fd: number): number | undefined {
    return openDescriptors().find(
      (other) => other !== fd && this.isSameFile(other, fd),
    );
  }

  /** A descriptor of the file that an epoll watches as `fd`, now closed. */
  findWatched(ep: number, fd: number): number | undefined {
    const { i32, address } = this.#libc.scratch;
    return openDescriptors().find((other) => {
      i32[0] = ep;
      i32[1] = fd;
      i32[2] = 0;
      return this.#compare(KCMP_EPOLL_TFD, other, address);
    });
  }

  /** Whether an epoll has, or may have, more than one file as `fd`. */
  isWatchedTwice(ep: number, fd: number): boolean {
    const { i32, address } = this.#libc.scratch;
    i32[0] = ep;
    i32[1] = fd;
    i32[2] = 1;
    const { pid } = process;
    const order = this.#libc.kcmp(pid, pid, KCMP_EPOLL_TFD, fd, address);
    return order >= 0 || this.#libc.errno() !== LINUX_ENOENT;
  }

  #compare(type: number, fd: number, other: number): boolean {
    const { pid } = process;
    return this.#libc.kcmp(pid, pid, type, fd, other) === 0;
  }
}

/** The open descriptors of the process; none where /proc cannot be read. */
function openDescriptors(): readonly number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return [];
  }
}
