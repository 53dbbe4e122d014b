import { isMainThread, type Libc, nativeBlock } from '../ffi/index.js';
import { CLOCK_MONOTONIC, nanoseconds, writeTimespec } from './clock.js';
import type { Epoll } from './epoll.js';

/**
 * The longest sleep of a worker thread, in nanoseconds: it can be terminated,
 * and the process can exit, only between two calls.
 */
const LONGEST_SLEEP = 100e6;

/** Blocks the thread until an epoll is readable. Times are nanoseconds. */
export class BlockingWait {
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #timespec = nativeBlock(16);
  readonly #isMain = isMainThread();

  constructor(libc: Libc, epoll: Epoll) {
    this.#libc = libc;
    this.#epoll = epoll;
  }

  /** The monotonic clock. */
  now(): number {
    return nanoseconds(this.#libc, CLOCK_MONOTONIC);
  }

  /**
   * Wait at most this long. Returns the count of events: 0 if there was none,
   * -1 for an error.
   */
  wait(ep: number, nanos: number): number {
    if (this.#isMain || nanos <= LONGEST_SLEEP) return this.#sleep(ep, nanos);
    const deadline = this.now() + nanos;
    for (let left = nanos; left > 0; left = deadline - this.now()) {
      const n = this.#sleep(ep, Math.min(left, LONGEST_SLEEP));
      if (n !== 0) return n;
    }
    return 0;
  }

  #sleep(ep: number, nanos: number): number {
    const { u32, address } = this.#timespec;
    writeTimespec(u32, 0, nanos);
    return this.#epoll.wait(ep, address);
  }
}
