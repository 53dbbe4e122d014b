import { DE, EPOLLIN, OUTER_CHILD } from './constants.js';
import type { Epoll } from './epoll.js';
import { darwinErrno, LINUX_EEXIST } from './errno.js';
import type { Knote } from './knote.js';
import type { Queue } from './queue.js';

/** How many queues may watch one another in a chain: Darwin's limit. */
const MAX_LEVEL = 10;

/**
 * The queues that one queue watches, and those that watch it. Linux lets
 * epolls nest five deep at most, so each queue's outer epoll holds the inner
 * epolls of all queues below it, and no outer one.
 */
export class Nesting {
  readonly #queue: Queue;
  readonly #epoll: Epoll;
  /** How often each queue is watched directly. */
  readonly #children = new Map<Queue, number>();
  readonly #parents = new Set<Queue>();
  /** The knotes that watch this queue, oldest first. */
  readonly #watchers: Knote[] = [];
  /** Whether another queue watches this one: a field, as each call reads it. */
  isWatched = false;

  constructor(queue: Queue, epoll: Epoll) {
    this.#queue = queue;
    this.#epoll = epoll;
  }

  get hasChildren(): boolean {
    return this.#children.size > 0;
  }

  /** Begin to watch another queue: a Darwin errno. */
  addChild(child: Queue): number {
    const { nesting } = child;
    const isCycle = nesting.#selfAndBelow().has(this.#queue);
    if (isCycle || this.#heightAbove() + nesting.#heightBelow() > MAX_LEVEL) {
      return DE.EINVAL;
    }
    this.#children.set(child, (this.#children.get(child) ?? 0) + 1);
    nesting.#parents.add(this.#queue);
    for (const above of this.#selfAndAbove()) {
      for (const below of nesting.#selfAndBelow()) {
        for (const ep of below.epolls.all()) {
          const errno = above.nesting.#include(ep);
          if (errno === 0) continue;
          this.removeChild(child);
          return errno;
        }
      }
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
    // What is still below by another way is kept.
    for (const above of this.#selfAndAbove()) {
      const kept = new Set(above.nesting.#selfAndBelow());
      for (const below of child.nesting.#selfAndBelow()) {
        if (kept.has(below)) continue;
        for (const ep of below.epolls.all()) this.#epoll.remove(above.fd, ep);
      }
    }
  }

  /** Put a new epoll of the queue into those above: -1 if that fails. */
  publish(ep: number): number {
    for (const above of this.#selfAndAbove()) {
      if (above !== this.#queue && above.nesting.#include(ep) !== 0) return -1;
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

  /** A first event is pending: post the knotes that watch this queue. */
  postWatchers(): void {
    for (let i = this.#watchers.length - 1; i >= 0; i--) {
      const knote = this.#watchers[i];
      if (!knote.active) knote.queue.knotes.activate(knote);
    }
  }

  /** Poll the sources of the queues above, the uppermost first. */
  pollParents(): void {
    for (const queue of [...this.#selfAndAbove()].reverse()) {
      if (queue !== this.#queue) queue.pollSources();
    }
  }

  /** Poll the sources of the queues it watches: one of them is readable. */
  pollChildren(): void {
    let isReported = false;
    for (const child of this.#children.keys()) {
      if (child.pollSources()) isReported = true;
    }
    if (isReported) return;
    // Else it is one whose descriptor is another's: it would be for ever.
    for (const child of this.#children.keys()) child.repairs.check();
  }

  /** The queues that watch this one, directly or not. */
  above(): readonly Queue[] {
    return [...this.#selfAndAbove()].slice(1);
  }

  /** The queue is closed: so are the descriptors by which it is watched. */
  close(): void {
    for (const { source, queue } of [...this.#watchers]) {
      if (source !== null) queue.sources.drop(source, false);
    }
    for (const child of [...this.#children.keys()]) {
      this.#children.set(child, 1);
      this.removeChild(child);
    }
  }

  /** Wake for an epoll below, if not yet so by another way: a Darwin errno. */
  #include(ep: number): number {
    const { fd, kernel, token } = this.#queue;
    if (this.#epoll.add(fd, ep, EPOLLIN, OUTER_CHILD, token) >= 0) return 0;
    const errno = kernel.libc.errno();
    return errno === LINUX_EEXIST ? 0 : darwinErrno(errno);
  }

  /** How long the longest chain from here down is, this queue included. */
  #heightBelow(): number {
    let height = 0;
    for (const child of this.#children.keys()) {
      height = Math.max(height, child.nesting.#heightBelow());
    }
    return height + 1;
  }

  /** The same upwards. */
  #heightAbove(): number {
    let height = 0;
    for (const parent of this.#parents) {
      height = Math.max(height, parent.nesting.#heightAbove());
    }
    return height + 1;
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
