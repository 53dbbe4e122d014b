import type { Member } from './members.js';
import type { Queue } from './queue.js';

/**
 * The changes of one queue's registrations that neither epoll nor inotify
 * reports. Each call polls them, on this queue and on the queues above.
 */
export class Unreported {
  readonly #queue: Queue;
  /** A member whose edges are lost between epolls. */
  member: Member | null = null;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Whether there is anything to {@link poll}. */
  get exists(): boolean {
    const { knotes, sources } = this.#queue;
    return this.member !== null || sources.needsPolling || knotes.hasVanishing;
  }

  poll(): void {
    const { knotes, sources } = this.#queue;
    this.member?.edge(0);
    if (sources.needsPolling) sources.poll();
    if (knotes.hasVanishing) sources.dropVanished();
  }
}
