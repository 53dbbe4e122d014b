/** An entry of a queue's inner epolls. */
export interface Member {
  /** Its slot, and the generation of the slot. */
  slot: number;
  generation: number;
  /** epoll reports these bits for it. */
  edge(bits: number): void;
}

/** The entry of a member in epoll. */
export interface Entry {
  readonly fd: number;
  readonly bits: number;
}

/**
 * Gives epoll's 64 bits of data a meaning: slot and generation. If a descriptor
 * was closed while its file is still open, epoll reports its entry for ever.
 * The generation of that entry is then outdated.
 */
export class Members {
  readonly #slots: (Member | null)[] = [];
  /** The members by slot. */
  readonly #entries: Entry[] = [];
  readonly #free: number[] = [];
  readonly #first: number;
  #generation: number;

  constructor(generation = 0) {
    this.#first = generation;
    this.#generation = generation;
  }

  /** Whether a member has that generation, or had it. */
  hasHad(generation: number): boolean {
    const age = (generation - this.#first) >>> 0;
    return age > 0 && age <= (this.#generation - this.#first) >>> 0;
  }

  /** The number of members. */
  get size(): number {
    return this.#slots.length - this.#free.length;
  }

  add(member: Member, fd: number, bits: number): void {
    member.slot = this.#free.pop() ?? this.#slots.length;
    // epoll returns it as a signed 32-bit word.
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

  /** The member that an event belongs to, if it still exists. */
  find(slot: number, generation: number): Member | null {
    const member = this.#slots[slot];
    return member != null && member.generation === generation ? member : null;
  }
}
