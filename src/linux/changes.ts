import type { KeventMemory } from '../memory/index.js';
import { D, DE, EV_DISPATCH2 } from './constants.js';
import type { Knote } from './knote.js';
import type { Queue } from './queue.js';
import { copyRecord, readExt } from './record.js';

/** Bits that the kernel sets itself and removes from every change. */
const CALLER_FLAGS = 0x0fff;

/** Applies the change list of a call: rules C and D. */
export class Changes {
  readonly #queue: Queue;
  /** The flags of the current change, without those that are overruled. */
  #flags = 0;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /**
   * Apply changes in order. A change that fails, or requests a receipt, becomes
   * an entry while there is room. Returns the number of entries, or the
   * negative errno of a change that failed without room; later changes are not
   * applied.
   */
  apply(
    changes: KeventMemory,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
  ): number {
    let written = 0;
    for (let i = 0; i < nchanges; i++) {
      const errno = this.#one(changes, i);
      if (errno === 0 && (this.#flags & D.EV_RECEIPT) === 0) continue;
      if (events !== null && written < nevents) {
        const flags = this.#flags | D.EV_ERROR;
        copyRecord(changes, i, events, written, flags, errno);
        written++;
      } else if (errno !== 0) {
        return -errno;
      }
    }
    return written;
  }

  #one(changes: KeventMemory, index: number): number {
    const { i32, words } = changes;
    const at = index * words.stride;
    const filterNumber = (i32[at + 2] << 16) >> 16;
    let flags = (i32[at + 2] >>> 16) & CALLER_FLAGS;
    this.#flags = flags;
    if (filterNumber > -1 || filterNumber < -D.EVFILT_SYSCOUNT) {
      return DE.EINVAL;
    }
    const vanishes = D.EV_ADD | EV_DISPATCH2;
    if ((flags & D.EV_VANISHED) !== 0 && (flags & vanishes) !== vanishes) {
      return DE.EINVAL;
    }
    if ((flags & D.EV_DELETE) !== 0) flags &= ~D.EV_ADD;
    if ((flags & D.EV_DISABLE) !== 0) flags &= ~D.EV_ENABLE;
    this.#flags = flags;
    const knote = this.#find(i32, at, filterNumber, flags);
    if (knote === undefined) {
      const ext = readExt(changes, index);
      const errno = this.#create(i32, at, filterNumber, flags, ext);
      // The new knote stores the request, but not the flag: D17.
      if (errno !== DE.EBADF) this.#flags &= ~D.EV_VANISHED;
      return errno;
    }
    return (flags & D.EV_DELETE) === 0
      ? this.#touch(knote, changes, index, flags)
      : this.#delete(knote, flags);
  }

  /** Find the knote that a change names, unless its descriptor was closed. */
  #find(
    i32: Int32Array,
    at: number,
    filterNumber: number,
    flags: number,
  ): Knote | undefined {
    const { knotes, sources } = this.#queue;
    const specific = (flags & D.EV_UDATA_SPECIFIC) !== 0;
    const knote = knotes.find(i32, at, filterNumber, specific);
    if (knote === undefined || knote.source === null) return knote;
    if (isPlainDelete(knote, flags) && sources.takeOut(knote)) return knote;
    sources.dropIfStale(knote.source);
    return knote.dropped ? undefined : knote;
  }

  #create(
    i32: Int32Array,
    at: number,
    filterNumber: number,
    flags: number,
    ext: Int32Array | null,
  ): number {
    if ((flags & D.EV_ADD) === 0) return DE.ENOENT;
    const { kernel, knotes } = this.#queue;
    const filter = kernel.filters[-filterNumber];
    if (filter === undefined) return DE.ENOTSUP;
    const knote: Knote = {
      queue: this.#queue,
      filter,
      filterNumber,
      serial: kernel.nextSerial(),
      identLow: i32[at],
      identHigh: i32[at + 1],
      flags: flags & ~D.EV_VANISHED,
      reportsVanished: (flags & D.EV_VANISHED) !== 0,
      requestedFflags: i32[at + 3],
      requestedLow: i32[at + 4],
      requestedHigh: i32[at + 5],
      fflags: 0,
      dataLow: 0,
      dataHigh: 0,
      udataLow: i32[at + 6],
      udataHigh: i32[at + 7],
      ext,
      active: false,
      queued: false,
      disabled: (flags & D.EV_DISABLE) !== 0,
      deleting: false,
      vanished: false,
      dropped: false,
      triggered: false,
      source: null,
      timer: null,
      previous: null,
      next: null,
      sibling: null,
    };
    const errno = filter.attach(knote);
    if (errno !== 0) return errno;
    knotes.add(knote);
    if (!filter.evaluate(knote)) return 0;
    this.#queue.lookBefore();
    knotes.activate(knote);
    return 0;
  }

  #delete(knote: Knote, flags: number): number {
    if (
      !isPlainDelete(knote, flags) &&
      knote.disabled &&
      (flags & D.EV_ENABLE) === 0
    ) {
      knote.deleting = true;
      return DE.EINPROGRESS;
    }
    this.#queue.knotes.drop(knote);
    return 0;
  }

  /** Apply a change to an existing knote. */
  #touch(
    knote: Knote,
    changes: KeventMemory,
    index: number,
    flags: number,
  ): number {
    const { knotes } = this.#queue;
    const { i32, words } = changes;
    const at = index * words.stride;
    this.#queue.lookBefore();
    if (knote.deleting) {
      // Touches no longer reach the filter (D16). Enabling delivers the last
      // event.
      if ((flags & D.EV_DISABLE) !== 0) knotes.disable(knote);
      if ((flags & D.EV_ENABLE) === 0) return 0;
      knote.active = true;
      knotes.enable(knote);
      return 0;
    }
    if (!knote.vanished) {
      const errno = knote.filter.touch(
        knote,
        i32[at + 3],
        i32[at + 4],
        i32[at + 5],
        readExt(changes, index),
      );
      if (errno !== 0) return errno;
    }
    if ((knote.flags & D.EV_UDATA_SPECIFIC) === 0) {
      knote.udataLow = i32[at + 6];
      knote.udataHigh = i32[at + 7];
    }
    if ((flags & D.EV_DISABLE) !== 0) knotes.disable(knote);
    if ((flags & D.EV_ENABLE) !== 0) knotes.enable(knote);
    if (!knote.vanished && knote.filter.evaluate(knote)) knotes.activate(knote);
    return 0;
  }
}

/** Whether a change deletes a knote at once, not in two steps. */
const isPlainDelete = (knote: Knote, flags: number): boolean =>
  (flags & D.EV_DELETE) !== 0 && (knote.flags & EV_DISPATCH2) !== EV_DISPATCH2;
