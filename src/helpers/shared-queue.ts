import { isStillQueue, type OpenQueue, queueOf } from '../calls/index.js';
import { KqueueError } from '../errors.js';
import { Kqueue, type KqueueEvent } from '../queue/index.js';

const BATCH = 256;
const EBADF = 9;

/** An owner of registrations in a shared queue. It is their `udata`. */
export interface Member {
  /** Called with an event of one of its registrations. */
  onEvent(event: KqueueEvent<Member>): void;
  /** Called when the queue has failed. The member has left it already. */
  onError(error: unknown): void;
}

/**
 * A queue that many members share, so that a thousand waits do not need a
 * thousand descriptors. It is created for the first member and closed after the
 * last one. A member that leaves deletes its own registrations.
 */
export class SharedQueue {
  readonly #members = new Set<Member>();
  #kq: Kqueue<Member> | undefined;
  /** The same, to check whether it is still open. */
  #open: OpenQueue | undefined;
  #waiting = 0;

  /** Join the queue. It stays open until all members have left. */
  join(member: Member): Kqueue<Member> {
    // Other code may have closed it, which is not noticed at once. A poll would
    // deliver events while a member compares what they are about.
    if (this.#open !== undefined && !isStillQueue(this.#open)) {
      this.#fail(new KqueueError('kevent EBADF', 'EBADF', -EBADF, 'kevent'));
    }
    if (this.#kq === undefined) {
      const kq = new Kqueue<Member>();
      this.#kq = kq;
      this.#open = queueOf(kq.fd);
      if (this.#waiting === 0) kq.unref();
      void this.#run(kq);
    }
    this.#members.add(member);
    return this.#kq;
  }

  /** Leave the queue. The member gets no more events. */
  leave(member: Member): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#close();
  }

  /** Keep the process alive until {@link unref} was called as many times. */
  ref(): void {
    if (this.#waiting++ === 0) this.#kq?.ref();
  }

  unref(): void {
    if (--this.#waiting === 0) this.#kq?.unref();
  }

  /** Deliver all pending events now, or the error of the queue. */
  deliverPending(): void {
    let hasMore = true;
    while (hasMore && this.#kq !== undefined) {
      let events: readonly KqueueEvent<Member>[];
      try {
        events = this.#kq.poll({ max: BATCH });
      } catch (error) {
        // Timers call this, which nobody could catch it from.
        this.#fail(error);
        return;
      }
      hasMore = events.length === BATCH;
      this.#deliver(events);
    }
  }

  async #run(kq: Kqueue<Member>): Promise<void> {
    try {
      for await (const events of kq.events()) this.#deliver(events);
    } catch (error) {
      if (this.#kq === kq) this.#fail(error);
    }
  }

  #deliver(events: readonly KqueueEvent<Member>[]): void {
    for (const event of events) {
      // It may have left because of an earlier event of the batch.
      if (this.#members.has(event.udata)) event.udata.onEvent(event);
    }
  }

  #fail(error: unknown): void {
    const members = [...this.#members];
    this.#members.clear();
    this.#close();
    for (const member of members) member.onError(error);
  }

  #close(): void {
    this.#kq?.close();
    this.#kq = undefined;
    this.#open = undefined;
  }
}
