import { type Libc, type NativeBlock, nativeBlock } from '../ffi/index.js';
import { CLOCK_MONOTONIC, writeTimespec } from './clock.js';
import { CLOEXEC, EPOLLET, EPOLLIN, NONBLOCK } from './constants.js';
import { lastErrno } from './errno.js';
import type { OwnMember } from './own-members.js';
import type { Queue } from './queue.js';

/**
 * Wakes waits on a queue at intervals, for changes that nothing reports: each
 * call of kevent polls them.
 */
export class Ticks implements OwnMember {
  slot = -1;
  generation = 0;
  readonly #queue: Queue;
  readonly #libc: Libc;
  readonly #interval: number;
  #setting: NativeBlock | undefined;
  #timerfd = -1;

  /** @param interval Nanoseconds from one tick to the next. */
  constructor(queue: Queue, interval: number) {
    this.#queue = queue;
    this.#interval = interval;
    this.#libc = queue.kernel.libc;
  }

  /** Start, unless it is running. Returns a Darwin errno. */
  start(): number {
    return this.#timerfd < 0 ? this.#open() : 0;
  }

  /** Returns a Darwin errno. */
  #open(): number {
    const libc = this.#libc;
    const fd = libc.timerfdCreate(CLOCK_MONOTONIC, CLOEXEC | NONBLOCK);
    if (fd < 0) return lastErrno(libc);
    const errno = this.#queue.addMember(this, fd, EPOLLIN | EPOLLET);
    if (errno !== 0) {
      libc.close(fd);
      return errno;
    }
    this.#timerfd = fd;
    this.#setting ??= nativeBlock(32);
    const { u32, address } = this.#setting;
    writeTimespec(u32, 0, this.#interval);
    writeTimespec(u32, 4, this.#interval);
    libc.timerfdSettime(fd, 0, address, 0);
    return 0;
  }

  /** Reading a timerfd does not stop it. */
  edge(): void {
    const { others } = this.#queue.epolls;
    // Otherwise it would read another file.
    if (!others.isOpen(this)) {
      others.reopen(this);
      return;
    }
    const { address } = this.#libc.scratch;
    this.#libc.read(this.#timerfd, address, 8);
  }

  reopen(): boolean {
    this.stop();
    return this.#open() === 0;
  }

  /** Close the timerfd, unless its descriptor is another file now. */
  stop(): void {
    const isOpen = this.#queue.removeMember(this, this.#timerfd);
    if (isOpen) this.#libc.close(this.#timerfd);
    this.#timerfd = -1;
  }
}
