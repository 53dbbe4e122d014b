import type { Knote } from './knote.js';

/** The pending knotes of a queue, oldest first. */
export class KnoteFifo {
  head: Knote | null = null;
  tail: Knote | null = null;
  length = 0;

  push(knote: Knote): void {
    knote.queued = true;
    knote.next = null;
    knote.previous = this.tail;
    if (this.tail === null) this.head = knote;
    else this.tail.next = knote;
    this.tail = knote;
    this.length++;
  }

  remove(knote: Knote): void {
    const { previous, next } = knote;
    if (previous === null) this.head = next;
    else previous.next = next;
    if (next === null) this.tail = previous;
    else next.previous = previous;
    knote.previous = null;
    knote.next = null;
    knote.queued = false;
    this.length--;
  }
}
