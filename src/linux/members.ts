/** Something in a queue's inner epolls. */
export interface Member {
  /** Its place among the members, and which use of that place it is. */
  slot: number;
  generation: number;
  /** Epoll reports it with these bits. */
  edge(bits: number): void;
}

/**
 * What epoll's 64 bits of data stand for. An entry whose descriptor was closed
 * while its file lives on reports for ever: its generation is over.
 */
export class Members {
  readonly #slots: (Member | null)[] = [];
  readonly #free: number[] = [];
  #generation = 0;

  /** How many there are. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  add(member: Member): void {
    member.slot = this.#free.pop() ?? this.#slots.length;
    member.generation = ++this.#generation;
    this.#slots[member.slot] = member;
  }

  remove(member: Member): void {
    this.#slots[member.slot] = null;
    this.#free.push(member.slot);
  }

  /** The member an event is for, if that is still there. */
  find(slot: number, generation: number): Member | null {
    const member = this.#slots[slot];
    return member != null && member.generation === generation ? member : null;
  }
}
