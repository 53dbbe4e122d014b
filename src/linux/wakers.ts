import { eventfdId } from '../ffi/index.js';
import { WAKE } from '../memory/index.js';
import { CLOEXEC, D, EPOLLET, EPOLLIN, NONBLOCK } from './constants.js';
import { lastErrno } from './errno.js';
import type { OwnMember } from './own-members.js';
import type { Queue } from './queue.js';

/**
 * An eventfd that triggers a user event of a queue. Another thread, which has
 * its own kernel, triggers it with a write.
 */
class Waker implements OwnMember {
  slot = -1;
  generation = 0;
  readonly #queue: Queue;
  readonly #words: Int32Array;
  #fd = -1;

  constructor(queue: Queue, words: Int32Array) {
    this.#queue = queue;
    this.#words = words;
  }

  /** Returns a Darwin errno. */
  open(): number {
    const { libc, identity } = this.#queue.kernel;
    const fd = libc.eventfd(0, CLOEXEC | NONBLOCK);
    if (fd < 0) return lastErrno(libc);
    const errno = this.#queue.addMember(this, fd, EPOLLIN | EPOLLET);
    if (errno !== 0) {
      libc.close(fd);
      return errno;
    }
    this.#fd = fd;
    Atomics.store(this.#words, WAKE.EVENTFD_ID, Math.max(0, eventfdId(fd)));
    Atomics.store(this.#words, WAKE.MARK, identity.markOf(fd));
    Atomics.store(this.#words, WAKE.FD, fd);
    return 0;
  }

  /** The eventfd was written. */
  edge(): void {
    const { kernel, epolls } = this.#queue;
    const { address } = kernel.libc.scratch;
    // Otherwise it would read another file.
    if (!epolls.others.isOpen(this)) {
      epolls.others.reopen(this);
      return;
    }
    Atomics.store(this.#words, WAKE.PENDING, 0);
    kernel.libc.read(this.#fd, address, 8);
    this.#trigger();
  }

  #trigger(): void {
    const { knotes } = this.#queue;
    const ident = Int32Array.of(
      this.#words[WAKE.IDENT_LOW],
      this.#words[WAKE.IDENT_HIGH],
    );
    const knote = knotes.find(ident, 0, D.EVFILT_USER, false);
    if (knote === undefined || knote.deleting) return;
    const { requestedLow, requestedHigh } = knote;
    knote.filter.touch(
      knote,
      D.NOTE_TRIGGER,
      requestedLow,
      requestedHigh,
      null,
    );
    knotes.activate(knote);
  }

  reopen(): boolean {
    this.close();
    if (this.open() !== 0) {
      Atomics.store(this.#words, WAKE.FD, -2);
      return false;
    }
    // The closed eventfd may have been written.
    if (Atomics.exchange(this.#words, WAKE.PENDING, 0) === 1) this.#trigger();
    return true;
  }

  close(): void {
    // Clear the number first: another file may get it at once.
    Atomics.store(this.#words, WAKE.FD, -1);
    const { libc } = this.#queue.kernel;
    if (this.#queue.removeMember(this, this.#fd)) libc.close(this.#fd);
    this.#fd = -1;
  }
}

/** The wakers of all queues of a thread, by the words of their handles. */
export class Wakers {
  readonly #byQueue = new WeakMap<Queue, Map<Int32Array, Waker>>();

  /** Returns a Darwin errno. */
  open(queue: Queue, words: Int32Array): number {
    const waker = new Waker(queue, words);
    const errno = waker.open();
    if (errno !== 0) return errno;
    const wakers = this.#byQueue.get(queue) ?? new Map();
    this.#byQueue.set(queue, wakers.set(words, waker));
    return 0;
  }

  close(queue: Queue, words: Int32Array): void {
    const wakers = this.#byQueue.get(queue);
    wakers?.get(words)?.close();
    wakers?.delete(words);
  }

  closeAll(queue: Queue): void {
    for (const waker of this.#byQueue.get(queue)?.values() ?? []) waker.close();
  }
}
