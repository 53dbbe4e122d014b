import { Kqueue, type KqueueEvent } from '../queue/index.js';

const BATCH = 256;

/** The owner of registrations in a shared queue, and their `udata`. */
export interface Member {
  /** An event of one of its registrations. */
  onEvent(event: KqueueEvent<Member>): void;
  /** The queue has failed. The member has left it already. */
  onError(error: unknown): void;
}

/**
 * A queue that many members share, so that a thousand waits do not take a
 * thousand descriptors. It is created for the first and closed after the last.
 * A member that leaves deletes its own registrations.
 */
export class SharedQueue {
  readonly #members = new Set<Member>();
  #kq: Kqueue<Member> | undefined;
  #waiting = 0;

  /** Join. The queue stays open until all members have left. */
  join(member: Member): Kqueue<Member> {
    if (this.#kq === undefined) {
      const kq = new Kqueue<Member>();
      this.#kq = kq;
      if (this.#waiting === 0) kq.unref();
      void this.#run(kq);
    }
    this.#members.add(member);
    return this.#kq;
  }

  /** Leave. The member gets no more events. */
  leave(member: Member): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#kq?.close();
    this.#kq = undefined;
  }

  /** Keep the process alive until {@link unref} is called as often. */
  ref(): void {
    if (this.#waiting++ === 0) this.#kq?.ref();
  }

  unref(): void {
    if (--this.#waiting === 0) this.#kq?.unref();
  }

  /** Deliver all pending events now. */
  deliverPending(): void {
    let hasMore = true;
    while (hasMore && this.#kq !== undefined) {
      const events = this.#kq.poll({ max: BATCH });
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
      // An earlier event of the batch may have made it leave.
      if (this.#members.has(event.udata)) event.udata.onEvent(event);
    }
  }

  #fail(error: unknown): void {
    const members = [...this.#members];
    this.#members.clear();
    this.#kq?.close();
    this.#kq = undefined;
    for (const member of members) member.onError(error);
  }
}
