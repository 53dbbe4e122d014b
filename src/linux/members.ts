/** Something in a queue's inner epolls. */
export interface Member {
  /** Its place among the members, and which use of that place it is. */
  slot: number;
  generation: number;
  /** Epoll reports it with these bits. */
  edge(bits: number): void;
  /** Its descriptor was closed elsewhere: get another. */
  reopen?(): void;
}

/** How a member is in epoll. */
export interface Entry {
  readonly fd: number;
  readonly bits: number;
}

/**
 * The meaning of epoll's 64 bits of data. An entry whose descriptor was closed
 * while its file lives on reports for ever: its generation is over.
 */
export class Members {
  readonly #slots: (Member | null)[] = [];
  /** Its entry in epoll, by slot. */
  readonly #entries: Entry[] = [];
  readonly #free: number[] = [];
  #generation: number;

  constructor(generation = 0) {
    this.#generation = generation;
  }

  /** How many there are. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  add(member: Member, fd: number, bits: number): void {
    member.slot = this.#free.pop() ?? this.#slots.length;
    // Epoll gives it back as a signed word of 32 bits.
    this.#generation = (this.#generation + 1) | 0;
    member.generation = this.#generation;
    this.#slots[member.slot] = member;
    this.#entries[member.slot] = { fd, bits };
  }

  remove(member: Member): void {
    if (this.#slots[member.slot] !== member) return;
    this.#slots[member.slot] = null;
    this.#free.push(member.slot);
  }

  /** A member is watched for other bits. */
  modify({ slot }: Member, bits: number): void {
    this.#entries[slot] = { ...this.#entries[slot], bits };
  }

  entryOf({ slot }: Member): Entry {
    return this.#entries[slot];
  }

  all(): readonly Member[] {
    return this.#slots.filter((member) => member !== null);
  }

  /** The member an event is for, if that is still there. */
  find(slot: number, generation: number): Member | null {
    const member = this.#slots[slot];
    return member != null && member.generation === generation ? member : null;
  }
}
