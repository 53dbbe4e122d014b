import { D } from './constants.js';
import {
  type InodeWatch,
  type InodeWatches,
  vnodesOf,
} from './inode-watches.js';
import type { Queue } from './queue.js';
import { type FdSource, knotesOf } from './source.js';
import { wasRemoved } from './vnode-hints.js';

/**
 * The watched directories of one queue. inotify reports a removal only on the
 * parent, and too late if the parent cannot be watched. So each call of kevent
 * polls them.
 */
export class DirectoryRemovals {
  readonly #queue: Queue;
  readonly #watches: InodeWatches;
  readonly #sources = new Set<FdSource>();
  /** The watch on the parent of each directory. */
  readonly #parents = new Map<FdSource, InodeWatch>();

  constructor(queue: Queue, watches: InodeWatches) {
    this.#queue = queue;
    this.#watches = watches;
  }

  get size(): number {
    return this.#sources.size;
  }

  add(source: FdSource): void {
    this.#sources.add(source);
    this.#watchParent(source);
  }

  remove(source: FdSource): void {
    this.#sources.delete(source);
    this.#unwatchParent(source);
  }

  /** A directory that was moved has a new parent. */
  followMove(source: FdSource): void {
    if (!this.#sources.has(source)) return;
    this.#unwatchParent(source);
    this.#watchParent(source);
  }

  /** Post the removal of directories that were removed. */
  poll(sources: ReadonlySet<FdSource> = this.#sources): void {
    const { knotes, kernel } = this.#queue;
    for (const source of sources) {
      const watch = this.#watches.get(source);
      if (watch === undefined || watch.snapshot === null) continue;
      const { fd } = source.descriptor;
      if (!wasRemoved(watch.snapshot, kernel.probe, fd)) continue;
      for (const knote of knotesOf(vnodesOf(watch))) {
        knotes.postVnode(knote, D.NOTE_DELETE | D.NOTE_LINK);
      }
    }
  }

  #watchParent(source: FdSource): void {
    const watch = this.#watches.addChild(source);
    if (watch !== undefined) this.#parents.set(source, watch);
  }

  #unwatchParent(source: FdSource): void {
    const watch = this.#parents.get(source);
    if (watch === undefined) return;
    this.#parents.delete(source);
    this.#watches.removeChild(watch, source);
  }
}
