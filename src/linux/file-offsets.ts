import type { InodeWatches } from './inode-watches.js';
import type { Queue } from './queue.js';
import { type FdSource, knotesOf } from './source.js';

/**
 * The files of one queue that EVFILT_READ or EVFILT_WRITE watches. Nothing
 * reports lseek(2), so each call of kevent compares the offset with the last
 * one.
 */
export class FileOffsets {
  readonly #queue: Queue;
  readonly #watches: InodeWatches;
  readonly #sources = new Set<FdSource>();

  constructor(queue: Queue, watches: InodeWatches) {
    this.#queue = queue;
    this.#watches = watches;
  }

  get size(): number {
    return this.#sources.size;
  }

  add(source: FdSource): void {
    this.#sources.add(source);
  }

  remove(source: FdSource): void {
    this.#sources.delete(source);
  }

  /** Post files whose offset or size has changed. */
  poll(): void {
    const { probe } = this.#queue.kernel;
    for (const source of this.#sources) {
      const { knotes, offset, size, descriptor } = source;
      if (knotes.every((knote) => knote.active)) continue;
      const now = probe.offset(descriptor.fd);
      const isSized = probe.size(descriptor.fd) === size;
      if (now === offset && isSized) continue;
      // A seek posts all knotes of the open file; a read posts none.
      if (isSized && now > offset && now <= size) {
        source.offset = now;
        continue;
      }
      const sources = this.#watches.get(source)?.sources ?? [source];
      for (const knote of knotesOf(sources)) {
        if (knote.source?.aspect === 'vnode') continue;
        this.#queue.knotes.post(knote);
      }
    }
  }
}
