import type { Watch } from '../ffi/index.js';
import type { Inbox } from './inbox.js';

/**
 * After this many harvests in one turn of the event loop its timers and I/O
 * get their turn, however many events are waiting still.
 */
const HARVESTS_PER_TURN = 64;
/** Nor longer than so many milliseconds, should each event take its time. */
const TURN_MS = 4;

/** Somebody who waits for events. */
export interface Waiter {
  /** How many events it takes at most. */
  readonly max: number;
  /** Take from the inbox, which is not empty. */
  give(inbox: Inbox): void;
  /** The kernel refused to collect. */
  fail(error: unknown): void;
  /** The queue was closed. */
  end(): void;
  /** Whether its waiting keeps the process alive, if that is its own doing. */
  reference?(referenced: boolean): void;
}

/** What the pump is for: a queue. */
export interface PumpSource {
  /** Collect what is ready into the inbox, without waiting. */
  harvest(max: number): void;
  /** The watch of the queue's descriptor; made at the first call. */
  watch(): Watch;
}

/**
 * Brings events to those who wait for them, first come, first served. It looks
 * before it waits, and watches the descriptor only while somebody waits and
 * nothing is ready.
 */
export class Pump {
  readonly #source: PumpSource;
  readonly #inbox: Inbox;
  readonly #waiters: Waiter[] = [];
  #harvests = 0;
  #turnEnds = 0;
  #running = false;
  #watch: Watch | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #referenced = true;

  constructor(source: PumpSource, inbox: Inbox) {
    this.#source = source;
    this.#inbox = inbox;
  }

  /** Whether `max` events could be had now, and nobody is first in line. */
  tryTake(max: number): boolean {
    if (this.#waiters.length > 0 || this.#running) return false;
    if (!this.#inbox.isEmpty) return true;
    if (this.#isTurnOver()) return false;
    this.#source.harvest(max);
    return !this.#inbox.isEmpty;
  }

  /** Stand in line. */
  add(waiter: Waiter): void {
    if (!this.#referenced) waiter.reference?.(false);
    this.#waiters.push(waiter);
    this.run();
  }

  /** Stand in line, to be served from the next microtask on. */
  addLater(waiter: Waiter): void {
    this.#waiters.push(waiter);
    queueMicrotask(this.run);
  }

  /** Leave the line. */
  remove(waiter: Waiter): void {
    const index = this.#waiters.indexOf(waiter);
    if (index < 0) return;
    this.#waiters.splice(index, 1);
    if (this.#waiters.length === 0) this.#rest();
  }

  reference(referenced: boolean): void {
    this.#referenced = referenced;
    this.#watch?.reference(referenced);
    if (referenced) this.#immediate?.ref();
    else this.#immediate?.unref();
    for (const waiter of this.#waiters) waiter.reference?.(referenced);
  }

  /** End everybody's waiting. */
  close(): void {
    this.#rest();
    for (const waiter of this.#waiters.splice(0)) waiter.end();
  }

  /** Serve those who wait, as far as there are events. */
  readonly run = (): void => {
    // Who is served may well ask for more while being served.
    if (this.#running || this.#immediate !== undefined) return;
    this.#running = true;
    try {
      this.#serve();
    } catch (error) {
      this.#rest();
      for (const waiter of this.#waiters.splice(0)) waiter.fail(error);
    } finally {
      this.#running = false;
    }
  };

  #serve(): void {
    while (this.#waiters.length > 0) {
      const waiter = this.#waiters[0];
      if (this.#inbox.isEmpty) {
        if (this.#isTurnOver()) {
          this.#yield();
          return;
        }
        this.#source.harvest(waiter.max);
        if (this.#inbox.isEmpty) {
          this.#watch ??= this.#source.watch();
          this.#watch.start(this.#woken, this.#referenced);
          return;
        }
      }
      this.#waiters.shift();
      waiter.give(this.#inbox);
    }
    this.#rest();
  }

  /** Whether others must have their turn before there is one more harvest. */
  #isTurnOver(): boolean {
    const now = performance.now();
    if (this.#harvests === 0) this.#turnEnds = now + TURN_MS;
    else if (now > this.#turnEnds) return true;
    return ++this.#harvests > HARVESTS_PER_TURN;
  }

  readonly #woken = (): void => {
    this.#harvests = 0;
    this.run();
  };

  /** Look now: the event loop has been round. */
  readonly turn = (): void => {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    this.#woken();
  };

  /** Go on when the event loop has been round once. */
  #yield(): void {
    this.#watch?.rest();
    this.#immediate = setImmediate(this.turn);
    if (!this.#referenced) this.#immediate.unref();
  }

  #rest(): void {
    this.#watch?.rest();
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }
}
