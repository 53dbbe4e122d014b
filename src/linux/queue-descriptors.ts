import type { Libc } from '../ffi/index.js';
import { CLOEXEC, EPOLLIN } from './constants.js';
import type { Epoll } from './epoll.js';
import { lastErrno } from './errno.js';
import type { Identity } from './identity.js';
import type { Queue } from './queue.js';

/**
 * The descriptors of the queues of this thread. dup(2) can give a queue more
 * than one; a dup is found out when it is first used.
 */
export class QueueDescriptors {
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #identity: Identity;
  readonly #byFd = new Map<number, Queue>();

  constructor(libc: Libc, epoll: Epoll, identity: Identity) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.#identity = identity;
  }

  all(): ReadonlySet<Queue> {
    return new Set(this.#byFd.values());
  }

  /** The queue of a descriptor: its own, or a dup of it. */
  find(fd: number): Queue | undefined {
    return this.#byFd.get(fd) ?? this.#findOriginal(fd);
  }

  #findOriginal(dup: number): Queue | undefined {
    for (const queue of this.all()) {
      if (this.#identity.isSameFile(dup, queue.fd)) {
        this.#byFd.set(dup, queue);
        return queue;
      }
    }
    return undefined;
  }

  add(queue: Queue): void {
    this.#byFd.set(queue.fd, queue);
  }

  /** End the queue that had a descriptor which is another file by now. */
  dropStale(fd: number): void {
    const stale = this.#byFd.get(fd);
    if (stale !== undefined) this.drop(stale);
  }

  /** End a queue whose descriptor was closed elsewhere. */
  drop(queue: Queue): void {
    for (const [fd, known] of this.#byFd) {
      if (known === queue) this.#byFd.delete(fd);
    }
    queue.dispose();
  }

  /** Close a descriptor; with its last one a queue ends: a Darwin errno. */
  close(fd: number): number {
    const queue = this.#byFd.get(fd);
    if (queue === undefined) return this.#close(fd);
    this.#byFd.delete(fd);
    const other = this.#knownDup(queue, fd);
    if (other !== undefined) {
      queue.fd = other;
      return this.#close(fd);
    }
    // A dup nobody has used yet shows in that the file outlives the
    // descriptor: an epoll that watches it goes on reporting it.
    const witness = this.#libc.epollCreate(CLOEXEC);
    const watches =
      witness >= 0 && this.#epoll.add(witness, fd, EPOLLIN, 0, 0) >= 0;
    // Without a witness, all open descriptors are compared first.
    const same = watches ? undefined : this.#identity.findDup(fd);
    queue.forceReadable(true);
    const errno = this.#close(fd);
    const dup =
      watches && this.#epoll.poll(witness) > 0
        ? this.#identity.findWatched(witness, fd)
        : same;
    if (witness >= 0) this.#libc.close(witness);
    if (dup === undefined) {
      queue.dispose();
    } else {
      queue.fd = dup;
      this.#byFd.set(dup, queue);
      queue.forceReadable(false);
    }
    return errno;
  }

  /** Another known descriptor of a queue, if it still is one. */
  #knownDup(queue: Queue, fd: number): number | undefined {
    for (const [other, known] of this.#byFd) {
      if (known !== queue || other === fd) continue;
      if (this.#identity.isSameFile(other, fd)) return other;
      this.#byFd.delete(other);
    }
    return undefined;
  }

  #close(fd: number): number {
    return this.#libc.close(fd) < 0 ? lastErrno(this.#libc) : 0;
  }
}
