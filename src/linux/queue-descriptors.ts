import type { Libc } from '../ffi/index.js';
import { CLOEXEC, EPOLLIN } from './constants.js';
import type { Epoll } from './epoll.js';
import { lastErrno } from './errno.js';
import type { Identity } from './identity.js';
import type { Queue } from './queue.js';

/** The number of queues to check when another queue is made. */
const CHECKED = 2;

/**
 * The descriptors of the queues of this thread. dup(2) can give a queue several
 * descriptors; a duplicate is discovered at its first use. A queue ends with
 * its last descriptor, which other code may close; that is discovered later.
 */
export class QueueDescriptors {
  readonly #libc: Libc;
  readonly #epoll: Epoll;
  readonly #identity: Identity;
  readonly #byFd = new Map<number, Queue>();
  /**
   * All queues. Those that were not checked for the longest time come first.
   */
  readonly #queues = new Set<Queue>();

  constructor(libc: Libc, epoll: Epoll, identity: Identity) {
    this.#libc = libc;
    this.#epoll = epoll;
    this.#identity = identity;
  }

  all(): readonly Queue[] {
    return [...this.#queues];
  }

  /**
   * The queue of a descriptor: its own, or a duplicate of it. Polling shows
   * whether the queue still has its own descriptor; duplicates are checked
   * here.
   */
  find(fd: number): Queue | undefined {
    const known = this.#byFd.get(fd);
    return known !== undefined && known.fd === fd ? known : this.identify(fd);
  }

  /** The same, always checked. */
  identify(fd: number): Queue | undefined {
    const known = this.#byFd.get(fd);
    if (known !== undefined && this.#identity.isQueue(known, fd)) {
      return this.#use(known, fd);
    }
    this.#byFd.delete(fd);
    for (const queue of this.#queues) {
      if (queue !== known && this.#identity.isQueue(queue, fd)) {
        return this.#use(queue, fd);
      }
    }
    return undefined;
  }

  /** Poll the descriptor that was checked last. */
  #use(queue: Queue, fd: number): Queue {
    this.#byFd.set(fd, queue);
    queue.fd = fd;
    return queue;
  }

  add(queue: Queue): void {
    this.#byFd.set(queue.fd, queue);
    this.#queues.add(queue);
  }

  /** The queue, which has no known descriptor, is disposed of. */
  remove(queue: Queue): void {
    this.#queues.delete(queue);
  }

  /** The kernel opened a descriptor, so no queue has that number. */
  dropStale(fd: number): void {
    const stale = this.#byFd.get(fd);
    if (stale?.fd === fd) this.leave(stale);
  }

  /**
   * End queues whose descriptors other code closed. Each call checks only a
   * few.
   */
  dropLost(): void {
    for (const queue of this.all().slice(0, CHECKED)) {
      this.#queues.delete(queue);
      this.#queues.add(queue);
      if (!this.#identity.isQueue(queue, queue.fd)) this.leave(queue);
    }
  }

  /**
   * A queue lost the descriptor that it polls. It continues with another one,
   * or ends if there is none.
   */
  leave(queue: Queue): void {
    if (queue.closed) return;
    const other = this.#knownDup(queue) ?? this.#identity.findQueue(queue);
    if (other === undefined) queue.dispose();
    else this.#use(queue, other);
  }

  /**
   * Close a descriptor. A queue ends with its last one. Returns a Darwin errno.
   */
  close(fd: number): number {
    const known = this.#byFd.get(fd);
    const queue = known === undefined ? undefined : this.identify(fd);
    if (known !== queue && known?.fd === fd) this.leave(known);
    if (queue === undefined) return this.#close(fd);
    this.#byFd.delete(fd);
    const other = this.#knownDup(queue);
    if (other !== undefined) {
      queue.fd = other;
      return this.#close(fd);
    }
    // If the file outlives the descriptor, there is a duplicate that was not
    // used yet: an epoll that watches the file continues to report it.
    const witness = this.#libc.epollCreate(CLOEXEC);
    const watches =
      witness >= 0 && this.#epoll.add(witness, fd, EPOLLIN, 0, 0) >= 0;
    queue.forceReadable(true);
    const hasEventfd = this.#identity.hasEventfd(queue, fd);
    const errno = this.#close(fd);
    // Without such an epoll, check all open descriptors.
    const outlives = !watches || !hasEventfd || this.#epoll.poll(witness) > 0;
    const dup = outlives ? this.#identity.findQueue(queue) : undefined;
    if (witness >= 0) this.#libc.close(witness);
    if (dup === undefined) {
      queue.dispose(hasEventfd);
    } else {
      this.#use(queue, dup);
      queue.forceReadable(false);
    }
    return errno;
  }

  /** A known descriptor of a queue that is still one. */
  #knownDup(queue: Queue): number | undefined {
    for (const [fd, known] of this.#byFd) {
      if (known !== queue) continue;
      if (this.#identity.isQueue(queue, fd)) return fd;
      this.#byFd.delete(fd);
    }
    return undefined;
  }

  #close(fd: number): number {
    return this.#libc.close(fd) < 0 ? lastErrno(this.#libc) : 0;
  }
}
