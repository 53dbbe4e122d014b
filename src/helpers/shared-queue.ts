import { Kqueue, type KqueueEvent } from '../queue/index.js';

const BATCH = 256;

/** Somebody who has registrations in a shared queue, as their `udata`. */
export interface Member {
  /** One of its registrations has an event. */
  tell(event: KqueueEvent<Member>): void;
  /** The queue can tell nothing any more; it has left already. */
  fail(error: unknown): void;
}

/**
 * A queue that many share, so that a thousand waits take no thousand queues:
 * made for the first, closed after the last. Closing it is not what ends a
 * member's registrations while there are others: each deletes its own.
 */
export class SharedQueue {
  readonly #members = new Set<Member>();
  #kq: Kqueue<Member> | undefined;
  #waiting = 0;

  /** Join: the queue stays until everybody has left. */
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

  /** Leave. It is told nothing more. */
  leave(member: Member): void {
    if (!this.#members.delete(member) || this.#members.size > 0) return;
    this.#kq?.close();
    this.#kq = undefined;
  }

  /** The process stays alive until as many have called {@link rest}. */
  wait(): void {
    if (this.#waiting++ === 0) this.#kq?.ref();
  }

  rest(): void {
    if (--this.#waiting === 0) this.#kq?.unref();
  }

  /** Tell now whatever has happened until now. */
  flush(): void {
    let more = true;
    while (more && this.#kq !== undefined) {
      const events = this.#kq.poll({ max: BATCH });
      more = events.length === BATCH;
      this.#tell(events);
    }
  }

  async #run(kq: Kqueue<Member>): Promise<void> {
    try {
      for await (const events of kq.events()) this.#tell(events);
    } catch (error) {
      if (this.#kq === kq) this.#fail(error);
    }
  }

  #tell(events: readonly KqueueEvent<Member>[]): void {
    for (const event of events) {
      // It may have left because of another event of the same batch.
      if (this.#members.has(event.udata)) event.udata.tell(event);
    }
  }

  #fail(error: unknown): void {
    const members = [...this.#members];
    this.#members.clear();
    this.#kq?.close();
    this.#kq = undefined;
    for (const member of members) member.fail(error);
  }
}
