import { D } from './constants.js';
import { Fifo, type Knote } from './knote.js';
import { KnoteTable } from './knote-table.js';

/** Who is told when something begins or ceases to wait. */
export interface Readiness {
  /** The first knote waits. */
  becamePending(): void;
  /** None waits any more. */
  becameEmpty(): void;
}

/** The knotes of a queue: where they are found, and which of them wait. */
export class Registrations {
  readonly #readiness: Readiness;
  readonly #fifo = new Fifo();
  readonly #table = new KnoteTable();
  /** Those that asked to hear of the closing of their descriptor. */
  readonly vanishing = new Set<Knote>();
  hasVanishing = false;

  constructor(readiness: Readiness) {
    this.#readiness = readiness;
  }

  /** How many wait. */
  get pendingCount(): number {
    return this.#fifo.length;
  }

  all(): Iterable<Knote> {
    return this.#table.all();
  }

  /** The knote of words `at` of a change. */
  find(
    i32: Int32Array,
    at: number,
    filter: number,
    specific: boolean,
  ): Knote | undefined {
    return this.#table.find(
      filter,
      i32[at],
      i32[at + 1],
      specific,
      i32[at + 6],
      i32[at + 7],
    );
  }

  add(knote: Knote): void {
    this.#table.add(knote);
    if ((knote.flags & D.EV_VANISHED) === 0) return;
    this.vanishing.add(knote);
    this.hasVanishing = true;
  }

  /** Unregister a knote, and with it an event that waits in it. */
  drop(knote: Knote): void {
    if (knote.dropped) return;
    knote.dropped = true;
    if (knote.queued) this.#dequeue(knote);
    this.#table.remove(knote);
    if (this.vanishing.delete(knote)) {
      this.hasVanishing = this.vanishing.size > 0;
    }
    knote.filter.detach(knote);
  }

  enable(knote: Knote): void {
    if (!knote.disabled) return;
    knote.disabled = false;
    if (knote.active && !knote.queued) this.#enqueue(knote);
  }

  disable(knote: Knote): void {
    knote.disabled = true;
    if (knote.queued) this.#dequeue(knote);
  }

  /** There is something to report. */
  activate(knote: Knote): void {
    knote.active = true;
    if (!knote.disabled && !knote.queued) this.#enqueue(knote);
  }

  /** Something happened to what a knote watches. */
  post(knote: Knote): void {
    if (!knote.active && knote.filter.evaluate(knote)) this.activate(knote);
  }

  /** A file changed: whoever asked for one of the bits is told all. */
  postVnode(knote: Knote, hint: number): void {
    if (hint === D.NOTE_REVOKE) {
      knote.flags |= D.EV_EOF | D.EV_ONESHOT;
      knote.fflags |= knote.requestedFflags & hint;
      this.activate(knote);
    } else if ((knote.requestedFflags & hint) !== 0) {
      knote.fflags |= hint;
      this.activate(knote);
    }
  }

  /** Take the knote that has waited longest. */
  shift(): Knote | null {
    const knote = this.#fifo.head;
    if (knote === null) return null;
    this.#dequeue(knote);
    knote.active = false;
    return knote;
  }

  #enqueue(knote: Knote): void {
    this.#fifo.push(knote);
    if (this.#fifo.length === 1) this.#readiness.becamePending();
  }

  #dequeue(knote: Knote): void {
    this.#fifo.remove(knote);
    if (this.#fifo.length === 0) this.#readiness.becameEmpty();
  }
}
