import type { KeventMemory } from '../memory/index.js';
import { D, EV_DISPATCH2 } from './constants.js';
import type { Knote } from './knote.js';
import { lowWater } from './low-water.js';
import type { Queue } from './queue.js';
import { writeRecord } from './record.js';
import type { FdSource } from './source.js';

const NO_LEVEL = D.EV_CLEAR | D.EV_ONESHOT | D.EV_DISPATCH;

/** After this many calls in a row that found it, an event is likely to stay. */
const MAX_REARMED = 2;

/** Delivers events: rules E and F. */
export class Collector {
  readonly #queue: Queue;
  /**
   * Level-triggered knotes that were delivered: they become pending again,
   * behind all others. The array is reused, because one that becomes empty frees
   * its memory. So it may be longer.
   */
  readonly #stillReady: (Knote | null)[] = [];
  readonly #delivered = new Set<Knote>();
  /** How many calls in a row armed an entry of epoll again. */
  #rearmed = 0;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Deliver pending events, oldest first. Returns their number. */
  collect(events: KeventMemory, nevents: number): number {
    const { knotes, nesting, epolls, readyFlag } = this.#queue;
    if (knotes.pendingCount === 0) return 0;
    // Its entry in epoll counts as being behind the FIFO, which is then empty.
    const isOnly =
      knotes.pendingCount === 1 && epolls.isDirect && readyFlag.isOff;
    // Only queues below this one can post while it collects.
    const canPost = nesting.hasChildren;
    const stillReady = this.#stillReady;
    let count = 0;
    let ready = 0;
    while (count < nevents) {
      const knote = knotes.shift();
      if (knote === null) break;
      if (canPost && this.#delivered.has(knote)) {
        // It was posted again meanwhile: the next call reports it.
        stillReady[ready++] = knote;
        continue;
      }
      const isRearmed = isOnly && this.#rearm(knote);
      const flags = isRearmed ? knote.flags : this.#flagsOf(knote);
      if (flags < 0) continue;
      writeRecord(knote, flags, events, count++);
      if (!isRearmed && this.#leavesReady(knote, flags))
        stillReady[ready++] = knote;
      if (canPost) this.#delivered.add(knote);
    }
    for (let i = 0; i < ready; i++) {
      const knote = stillReady[i];
      stillReady[i] = null;
      if (knote?.dropped === false) knotes.activate(knote);
    }
    if (canPost) this.#delivered.clear();
    return count;
  }

  /** A poll found nothing: the next event may be consumed before the next poll. */
  foundNothing(): void {
    this.#rearmed = 0;
  }

  /**
   * Evaluate a level-triggered knote, and arm its entry of epoll again. That
   * proves that the descriptor is still the file that was registered, and keeps
   * the queue readable for as long as there is an event. An event that stays
   * costs less in the FIFO.
   */
  #rearm(knote: Knote): boolean {
    const { source } = knote;
    if (source === null || !isLevel(knote, source)) return false;
    if (this.#rearmed === MAX_REARMED) return false;
    const isRearmed =
      knote.filter.evaluate(knote) && this.#queue.interest.rearm(source);
    if (isRearmed) this.#rearmed++;
    return isRearmed;
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

/** Whether epoll reports a knote for as long as it has an event. */
function isLevel(knote: Knote, source: FdSource): boolean {
  const { kind } = source.descriptor;
  return (
    (kind === 'pipe' || kind === 'socket') &&
    source.aspect === 'read' &&
    source.knotes.length === 1 &&
    (knote.flags & NO_LEVEL) === 0 &&
    !knote.reportsVanished &&
    !source.mayHaveEnded &&
    lowWater(knote, source.receiveMark) === 1
  );
}
