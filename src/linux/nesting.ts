import { DE, EPOLLIN, OUTER_CHILD } from './constants.js';
import type { Epoll } from './epoll.js';
import { darwinErrno, LINUX_EEXIST, LINUX_EINVAL } from './errno.js';
import type { Knote } from './knote.js';
import type { Queue } from './queue.js';

/** The maximum depth of queues that watch each other: Darwin's limit. */
const MAX_LEVEL = 10;

/**
 * The queues that one queue watches, and the queues that watch it. Linux lets
 * epolls nest at most five deep. So each outer epoll holds the inner epolls of
 * all queues below it, and no outer epoll.
 */
export class Nesting {
  readonly #queue: Queue;
  readonly #epoll: Epoll;
  /** How many times each queue is watched directly. */
  readonly #children = new Map<Queue, number>();
  readonly #parents = new Set<Queue>();
  /** The queues below whose inner epolls are in this queue's outer epoll. */
  readonly #below = new Set<Queue>();
  /**
   * Darwin does not search for cycles. Each queue has a level, which never
   * falls, and levels are compared when one queue begins to watch another: rule
   * B8.
   */
  #level = 0;
  /** The knotes that watch this queue, oldest first. */
  readonly #watchers: Knote[] = [];
  /**
   * Whether another queue watches this one. It is a field, because each call
   * reads it.
   */
  isWatched = false;

  constructor(queue: Queue, epoll: Epoll) {
    this.#queue = queue;
    this.#epoll = epoll;
  }

  get hasChildren(): boolean {
    return this.#children.size > 0;
  }

  /** Begin to watch another queue. Returns a Darwin errno. */
  addChild(child: Queue): number {
    const errno =
      this.#checkLevel(child) ||
      // Epolls nest no deeper if only inner ones are in those of others.
      child.epolls.useInner() ||
      this.#queue.epolls.useInner();
    if (errno !== 0) return errno;
    const { nesting } = child;
    const count = this.#children.get(child) ?? 0;
    this.#children.set(child, count + 1);
    nesting.#parents.add(this.#queue);
    if (count === 0) {
      for (const above of this.#selfAndAbove()) {
        const refused = above.nesting.#includeAll(child);
        if (refused === 0) continue;
        this.removeChild(child);
        return refused;
      }
    }
    // A watched queue that watches none itself stays at level 1.
    this.#level = Math.max(this.#level || 2, nesting.#level + 1);
    nesting.#level ||= 1;
    return 0;
  }

  #checkLevel(child: Queue): number {
    const level = child.nesting.#level;
    const isLower = this.#level > 0 && this.#level < level;
    return child === this.#queue || isLower || level >= MAX_LEVEL
      ? DE.EINVAL
      : 0;
  }

  /**
   * Add the epolls of a queue and of all queues below it. Returns a Darwin
   * errno.
   */
  #includeAll(child: Queue): number {
    const queues = [child];
    for (const queue of queues) {
      // Adding a queue also added the queues below it.
      if (queue === this.#queue || this.#below.has(queue)) continue;
      this.#below.add(queue);
      for (const ep of queue.epolls.allRepaired()) {
        const errno = this.#include(ep);
        if (errno !== 0) return errno;
      }
      queues.push(...queue.nesting.#children.keys());
    }
    return 0;
  }

  /** Stop watching a queue. */
  removeChild(child: Queue): void {
    const count = this.#children.get(child);
    if (count === undefined) return;
    if (count > 1) {
      this.#children.set(child, count - 1);
      return;
    }
    this.#children.delete(child);
    child.nesting.#parents.delete(this.#queue);
    for (const above of this.#selfAndAbove()) above.nesting.#excludeOthers();
  }

  /** Remove the epolls of queues that are no longer below on any path. */
  #excludeOthers(): void {
    const kept = this.#selfAndBelow();
    const gone = [...this.#below].filter((queue) => !kept.has(queue));
    if (gone.length === 0 || !this.#queue.repairs.isReachable()) return;
    for (const queue of gone) {
      this.#below.delete(queue);
      // The number of one that was closed may be a part of this queue.
      for (const ep of queue.epolls.allOpen()) {
        this.#epoll.remove(this.#queue.fd, ep);
      }
    }
  }

  /** Add a new epoll of the queue to the queues above. Returns a Darwin errno. */
  publish(ep: number): number {
    for (const above of this.above()) {
      const errno = above.nesting.#include(ep);
      if (errno !== 0) return errno;
    }
    return 0;
  }

  addWatcher(knote: Knote): void {
    this.#watchers.push(knote);
    this.isWatched = true;
  }

  removeWatcher(knote: Knote): void {
    const index = this.#watchers.indexOf(knote);
    if (index >= 0) this.#watchers.splice(index, 1);
    this.isWatched = this.#watchers.length > 0;
  }

  /** The first event is pending: post the knotes that watch this queue. */
  postWatchers(): void {
    for (let i = this.#watchers.length - 1; i >= 0; i--) {
      const knote = this.#watchers[i];
      if (!knote.active) knote.queue.knotes.activate(knote);
    }
  }

  /**
   * Poll the sources of the queues above, the topmost first. False if the
   * queue's descriptor is no longer its own: if it is that of a queue above, the
   * next poll would show nothing.
   */
  pollParents(): boolean {
    const { fd, kernel } = this.#queue;
    if (!kernel.identity.isStillQueue(this.#queue, fd)) return false;
    for (const queue of [...this.above()].reverse()) queue.pollSources();
    return true;
  }

  /** Poll the sources of the queues below, because one of them is readable. */
  pollChildren(): void {
    let isReported = false;
    for (const child of this.#children.keys()) {
      if (child.pollSources()) isReported = true;
    }
    if (isReported) return;
    // Otherwise a part of a queue is now another file, and would be reported for
    // ever.
    for (const queue of this.below()) queue.repairs.check();
  }

  /** Whether a queue below has something that does not make it readable. */
  get hasUnreported(): boolean {
    // Each poll asks, and an iterator costs more than the size.
    if (this.#below.size === 0) return false;
    for (const { unreported } of this.#below) {
      if (unreported.exists) return true;
    }
    return false;
  }

  pollUnreported(): void {
    for (const { closed, unreported } of [...this.#below]) {
      if (!closed && unreported.exists) unreported.poll();
    }
  }

  /** The queues that this one watches, directly or indirectly. */
  below(): readonly Queue[] {
    return [...this.#selfAndBelow()].slice(1);
  }

  /** The queues that watch this one, directly or indirectly. */
  above(): readonly Queue[] {
    return [...this.#selfAndAbove()].slice(1);
  }

  /** The queue is closed, and so are the descriptors by which it is watched. */
  close(): void {
    for (const { source, queue } of [...this.#watchers]) {
      if (source !== null) queue.sources.drop(source, false);
    }
    // Closing the outer epoll removes what it holds.
    for (const child of this.#children.keys()) {
      child.nesting.#parents.delete(this.#queue);
    }
  }

  /**
   * Wake for an epoll below, unless another path does. Returns a Darwin errno.
   */
  #include(ep: number): number {
    const { kernel, repairs, token } = this.#queue;
    if (!repairs.isReachable()) return 0;
    const { fd } = this.#queue;
    if (this.#epoll.add(fd, ep, EPOLLIN, OUTER_CHILD, token) >= 0) return 0;
    const errno = kernel.libc.errno();
    if (errno === LINUX_EEXIST) return 0;
    // There are too many paths from a file to this queue: same as in
    // InterestList.
    return errno === LINUX_EINVAL ? DE.ENOMEM : darwinErrno(errno);
  }

  #selfAndBelow(): Set<Queue> {
    const all = new Set([this.#queue]);
    for (const queue of all) {
      for (const child of queue.nesting.#children.keys()) all.add(child);
    }
    return all;
  }

  #selfAndAbove(): Set<Queue> {
    const all = new Set([this.#queue]);
    for (const queue of all) {
      for (const parent of queue.nesting.#parents) all.add(parent);
    }
    return all;
  }
}
