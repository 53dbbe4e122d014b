import type { Knote } from './knote.js';
import { KnoteFifo } from './knote-fifo.js';
import { KnoteTable } from './knote-table.js';

/**
 * Called when the first event becomes pending, and when the last one ceases to
 * be.
 */
interface PendingListener {
  becamePending(): void;
  becameEmpty(): void;
}

/** The knotes of a queue, including which of them are pending. */
export class Knotes {
  readonly #listener: PendingListener;
  readonly #fifo = new KnoteFifo();
  readonly #table = new KnoteTable();
  /** The knotes with EV_VANISHED. */
  readonly vanishing = new Set<Knote>();
  hasVanishing = false;

  constructor(listener: PendingListener) {
    this.#listener = listener;
  }

  /** The number of pending events. */
  get pendingCount(): number {
    return this.#fifo.length;
  }

  /** The oldest pending knote. */
  get first(): Knote | null {
    return this.#fifo.head;
  }

  all(): Iterable<Knote> {
    return this.#table.all();
  }

  /** The knote of the change at word `at`. */
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
    if (!knote.reportsVanished) return;
    this.vanishing.add(knote);
    this.hasVanishing = true;
  }

  /** Delete a knote and its pending event. */
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

  /** Make a knote pending. */
  activate(knote: Knote): void {
    knote.active = true;
    if (!knote.disabled && !knote.queued) this.#enqueue(knote);
  }

  /**
   * The object of a knote changed: activate the knote if its filter is true.
   */
  post(knote: Knote): void {
    if (!knote.active && knote.filter.evaluate(knote)) this.activate(knote);
  }

  /** A file changed: activate a knote that requested one of the bits. */
  postVnode(knote: Knote, hint: number): void {
    if ((knote.requestedFflags & hint) === 0) return;
    knote.fflags |= hint;
    this.activate(knote);
  }

  /** Remove and return the oldest pending knote. */
  shift(): Knote | null {
    const knote = this.#fifo.head;
    if (knote === null) return null;
    this.#dequeue(knote);
    knote.active = false;
    return knote;
  }

  #enqueue(knote: Knote): void {
    this.#fifo.push(knote);
    if (this.#fifo.length === 1) this.#listener.becamePending();
  }

  #dequeue(knote: Knote): void {
    this.#fifo.remove(knote);
    if (this.#fifo.length === 0) this.#listener.becameEmpty();
  }
}
