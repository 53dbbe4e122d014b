import type { KeventMemory } from '../memory/index.js';
import { D, EV_DISPATCH2 } from './constants.js';
import type { Knote } from './knote.js';
import type { Queue } from './queue.js';
import { writeRecord } from './record.js';

/** Delivers events: rules E and F. */
export class Collector {
  readonly #queue: Queue;
  /**
   * Level-triggered knotes that were delivered: they become pending again,
   * behind all others.
   */
  readonly #stillReady: Knote[] = [];
  readonly #delivered = new Set<Knote>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Deliver pending events, oldest first. Returns their number. */
  collect(events: KeventMemory, nevents: number): number {
    const { knotes, nesting } = this.#queue;
    if (knotes.pendingCount === 0) return 0;
    // Only queues below this one can post while it collects.
    const canPost = nesting.hasChildren;
    const stillReady = this.#stillReady;
    let count = 0;
    while (count < nevents) {
      const knote = knotes.shift();
      if (knote === null) break;
      if (canPost && this.#delivered.has(knote)) {
        // It was posted again meanwhile: the next call reports it.
        stillReady.push(knote);
        continue;
      }
      const flags = this.#flagsOf(knote);
      if (flags < 0) continue;
      writeRecord(knote, flags, events, count++);
      if (this.#leavesReady(knote, flags)) stillReady.push(knote);
      if (canPost) this.#delivered.add(knote);
    }
    if (stillReady.length > 0) {
      for (const knote of stillReady)
        if (!knote.dropped) knotes.activate(knote);
      // Setting the length to 0 would free and allocate the memory on each
      // call.
      while (stillReady.length > 0) stillReady.pop();
    }
    if (canPost) this.#delivered.clear();
    return count;
  }

  /** The flags of a knote's event; -1 if there is no event. */
  #flagsOf(knote: Knote): number {
    const { source } = knote;
    if (source !== null && this.#queue.sources.dropIfStale(source)) return -1;
    if (!knote.deleting && !knote.vanished) {
      return knote.filter.evaluate(knote) ? knote.flags : -1;
    }
    knote.fflags = 0;
    knote.dataLow = 0;
    knote.dataHigh = 0;
    const what = knote.deleting ? D.EV_DELETE : D.EV_VANISHED;
    return EV_DISPATCH2 | D.EV_ONESHOT | what;
  }

  /** Update a delivered knote. Returns true if it is pending again. */
  #leavesReady(knote: Knote, flags: number): boolean {
    if ((flags & D.EV_ONESHOT) !== 0) {
      const inTwoSteps = (knote.flags & EV_DISPATCH2) === EV_DISPATCH2;
      if (inTwoSteps && !knote.deleting) {
        knote.deleting = true;
        knote.disabled = true;
      } else {
        this.#queue.knotes.drop(knote);
      }
      return false;
    }
    knote.filter.delivered(knote);
    if ((flags & D.EV_DISPATCH) !== 0) {
      knote.disabled = true;
      return false;
    }
    return (flags & D.EV_CLEAR) === 0;
  }
}
