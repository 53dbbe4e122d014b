import type { Libc } from '../ffi/linux.js';
import type { KeventMemory } from '../kevent-memory.js';
import {
  D,
  DE,
  darwinErrno,
  EPOLLIN,
  EV_DISPATCH2,
  LINUX_EINTR,
} from './constants.js';
import type { LinuxKernel } from './kernel.js';
import { Fifo, type Knote } from './knote.js';
import { KnoteTable } from './knote-table.js';
import { Members } from './members.js';
import { Nesting } from './nesting.js';
import type { Aspect, Descriptor, FdSource } from './source.js';
import { followsPipe, Sources } from './sources.js';
import { Timers } from './timers.js';

/** What the outer epoll gives back for each of its members. */
const MEMBER_READY = 0;
const MEMBER_INNER = 1;
const MEMBER_SIDE = 2;
export const MEMBER_BELOW = 3;

/** The queue's number is no queue any more: somebody else closed it. */
export const GONE = -0x10000;

/** Words of Darwin's struct kevent. */
const STRIDE = 8;
/** Bits no caller can give: they are the kernel's own. */
const CALLER_FLAGS = 0x0fff;
const MAX_ROUNDS = 64;

/**
 * One kqueue. Its descriptor is an epoll of epolls: an inner one in which each
 * watched descriptor and timer is edge-triggered, and an eventfd that is
 * readable exactly while the FIFO is not empty. So it can be polled.
 *
 * Edges only put a knote at the end of the FIFO; whether there is an event is
 * found out when it is collected.
 */
export class Queue {
  /** Its own number, or a dup's after that was closed. */
  fd: number;
  readonly inner: number;
  readonly #ready: number;
  #side = -1;
  readonly kernel: LinuxKernel;
  readonly #libc: Libc;
  readonly #fifo = new Fifo();
  readonly #knotes = new KnoteTable();
  /** What is in the inner epolls. */
  readonly members = new Members();
  readonly sources: Sources;
  readonly nesting: Nesting;
  #timers: Timers | undefined;
  #sleepTimers: Timers | undefined;
  #timersChanged = false;
  #isReady = false;
  #isStale = false;
  /** Knotes that asked to hear of the closing of their descriptor. */
  readonly #vanishing = new Set<Knote>();
  readonly #again: Knote[] = [];
  readonly #delivered = new Set<Knote>();
  #members = new Int32Array(8);
  closed = false;
  /** It waits for the kernel to call {@link sync}. */
  isUnsynced = false;

  constructor(kernel: LinuxKernel, fd: number, inner: number, ready: number) {
    this.kernel = kernel;
    this.#libc = kernel.libc;
    this.fd = fd;
    this.inner = inner;
    this.#ready = ready;
    this.sources = new Sources(this);
    this.nesting = new Nesting(this, kernel.epoll);
    kernel.epoll.add(fd, inner, EPOLLIN, MEMBER_INNER, 0);
    kernel.epoll.add(fd, ready, EPOLLIN, MEMBER_READY, 0);
  }

  /** How many knotes are in the FIFO. */
  get waiting(): number {
    return this.#fifo.length;
  }

  // ---- the call -----------------------------------------------------------

  /**
   * Apply changes, then collect: what kevent(2) does once its arguments are
   * checked. Returns the count, a negative Darwin errno, or {@link GONE}.
   */
  kevent(
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    nanos: number,
  ): number {
    // What happened before the call comes before what its changes make ready.
    const looks = nevents > 0 || this.#hasSources();
    if (looks && !this.#look()) return GONE;
    let written = 0;
    for (let i = 0; i < nchanges; i++) {
      if (changes === null) break;
      const errno = this.#apply(changes, i);
      if (errno !== 0 || this.#wantsReceipt) {
        if (written < nevents && events !== null) {
          this.#writeReceipt(changes, i, events, written++, errno);
        } else if (errno !== 0) {
          this.#settle();
          return -errno;
        }
      }
    }
    this.#settle();
    if (written > 0 || nevents === 0 || events === null) return written;
    return this.#collectOrWait(events, nevents, nanos);
  }

  #collectOrWait(events: KeventMemory, nevents: number, nanos: number): number {
    let count = this.#collect(events, nevents);
    if (count > 0 || nanos === 0) {
      this.kernel.sync();
      return count;
    }
    const { clock, wait } = this.kernel;
    const deadline = nanos === Infinity ? Infinity : clock() + nanos;
    let left = nanos;
    do {
      this.kernel.sync();
      const n = wait(this.fd, left);
      const interrupted = n < 0;
      if (interrupted && this.#libc.errno() !== LINUX_EINTR) return GONE;
      // A signal may have brought an event with it, which goes first.
      if (interrupted) this.#look();
      else this.#dispatch(n);
      count = this.#collect(events, nevents);
      if (count > 0) break;
      if (interrupted) return -DE.EINTR;
      if (n === 0) break;
      if (deadline !== Infinity) left = deadline - clock();
    } while (left > 0);
    this.kernel.sync();
    return count;
  }

  /** Something new is in an epoll: its first edge means nothing. */
  settleLater(): void {
    this.#isStale = true;
  }

  /** Swallow the edges that new registrations made, and tell pollers. */
  #settle(): void {
    if (this.#isStale) {
      this.#isStale = false;
      this.#look();
    }
    this.kernel.sync();
  }

  #hasSources(): boolean {
    return (
      this.members.size > 0 || this.sources.size > 0 || this.nesting.hasChildren
    );
  }

  // ---- changes ------------------------------------------------------------

  #wantsReceipt = false;
  /** The flags of the change being applied, without what is overruled. */
  #flags = 0;

  #apply(changes: KeventMemory, index: number): number {
    const { i32 } = changes;
    const at = index * STRIDE;
    const identLow = i32[at];
    const identHigh = i32[at + 1];
    const filterNumber = (i32[at + 2] << 16) >> 16;
    let flags = (i32[at + 2] >>> 16) & CALLER_FLAGS;
    if ((flags & D.EV_DELETE) !== 0) flags &= ~D.EV_ADD;
    if ((flags & D.EV_DISABLE) !== 0) flags &= ~D.EV_ENABLE;
    this.#flags = flags;
    this.#wantsReceipt = (flags & D.EV_RECEIPT) !== 0;
    if (filterNumber > -1 || filterNumber < -D.EVFILT_SYSCOUNT) {
      return DE.EINVAL;
    }
    const vanishes = D.EV_ADD | EV_DISPATCH2;
    if ((flags & D.EV_VANISHED) !== 0 && (flags & vanishes) !== vanishes) {
      return DE.EINVAL;
    }
    const knote = this.#find(i32, at, filterNumber, flags);
    if (knote !== undefined) return this.#change(knote, i32, at, flags);
    if ((flags & D.EV_ADD) === 0) return DE.ENOENT;
    const filter = this.kernel.filters[-filterNumber];
    if (filter === undefined) return DE.ENOTSUP;
    const created: Knote = {
      queue: this,
      filter,
      filterNumber,
      serial: this.kernel.nextSerial(),
      identLow,
      identHigh,
      flags,
      askedFflags: i32[at + 3],
      askedLow: i32[at + 4],
      askedHigh: i32[at + 5],
      fflags: 0,
      dataLow: 0,
      dataHigh: 0,
      udataLow: i32[at + 6],
      udataHigh: i32[at + 7],
      active: false,
      queued: false,
      disabled: (flags & D.EV_DISABLE) !== 0,
      deleting: false,
      vanished: false,
      dropped: false,
      latched: false,
      source: null,
      timer: null,
      previous: null,
      next: null,
      sibling: null,
    };
    const errno = filter.attach(created);
    if (errno !== 0) return errno;
    this.#knotes.add(created);
    if ((flags & D.EV_VANISHED) !== 0) this.#vanishing.add(created);
    if (filter.evaluate(created)) this.activate(created);
    return 0;
  }

  /** Find the knote a change names, unless its descriptor was closed. */
  #find(
    i32: Int32Array,
    at: number,
    filterNumber: number,
    flags: number,
  ): Knote | undefined {
    const specific = (flags & D.EV_UDATA_SPECIFIC) !== 0;
    const knote = this.#knotes.find(
      filterNumber,
      i32[at],
      i32[at + 1],
      specific,
      i32[at + 6],
      i32[at + 7],
    );
    if (knote === undefined || knote.source === null) return knote;
    if (this.sources.isSame(knote.source)) return knote;
    this.forget(knote.source, false);
    return knote.dropped ? undefined : knote;
  }

  /** A change to a knote that exists: a touch. */
  #change(knote: Knote, i32: Int32Array, at: number, flags: number): number {
    if ((flags & D.EV_DELETE) !== 0) {
      const inTwoSteps =
        (knote.flags & EV_DISPATCH2) === EV_DISPATCH2 &&
        knote.disabled &&
        (flags & D.EV_ENABLE) === 0;
      if (!inTwoSteps) {
        this.drop(knote);
        return 0;
      }
      knote.deleting = true;
      return DE.EINPROGRESS;
    }
    if ((flags & D.EV_ENABLE) !== 0 && knote.deleting) {
      // It has had its last event but one; this brings the last.
      knote.active = true;
      this.#enable(knote);
      return 0;
    }
    if (!knote.vanished) {
      const errno = knote.filter.touch(
        knote,
        i32[at + 3],
        i32[at + 4],
        i32[at + 5],
      );
      if (errno !== 0) return errno;
    }
    if ((knote.flags & D.EV_UDATA_SPECIFIC) === 0) {
      knote.udataLow = i32[at + 6];
      knote.udataHigh = i32[at + 7];
    }
    if ((flags & D.EV_DISABLE) !== 0) this.#disable(knote);
    if ((flags & D.EV_ENABLE) !== 0) this.#enable(knote);
    if (!knote.vanished && knote.filter.evaluate(knote)) this.activate(knote);
    return 0;
  }

  #enable(knote: Knote): void {
    if (!knote.disabled) return;
    knote.disabled = false;
    if (knote.active && !knote.queued) this.#enqueue(knote);
  }

  #disable(knote: Knote): void {
    knote.disabled = true;
    if (knote.queued) this.#dequeue(knote);
  }

  /** Unregister a knote, and with it an event that waits in it. */
  drop(knote: Knote): void {
    if (knote.dropped) return;
    knote.dropped = true;
    if (knote.queued) this.#dequeue(knote);
    this.#knotes.remove(knote);
    this.#vanishing.delete(knote);
    knote.filter.detach(knote);
  }

  // ---- descriptors --------------------------------------------------------

  /** Hang a knote on its descriptor: a Darwin errno. */
  watch(
    knote: Knote,
    aspect: Aspect,
    refusal: (knote: Knote, descriptor: Descriptor) => number,
  ): number {
    const fd = knote.identLow;
    this.forgetStale(fd);
    const descriptor = this.kernel.describe(fd);
    if (descriptor === undefined) return DE.EBADF;
    if (knote.identHigh !== 0) return DE.EINVAL;
    const refused = refusal(knote, descriptor);
    if (refused !== 0) return refused;
    let source = this.sources.get(fd, aspect);
    if (source === undefined) {
      const below = descriptor.queue;
      const errno = below === null ? 0 : this.nesting.adopt(below);
      if (errno !== 0) return errno;
      const added = this.sources.add(descriptor, aspect);
      if (typeof added === 'number') return added;
      source = added;
      this.#isStale = true;
    }
    source.knotes.push(knote);
    knote.source = source;
    descriptor.queue?.nesting.addWatcher(knote);
    this.followPipe(knote);
    return 0;
  }

  /** Hear of every read and write of a pipe, if the knote needs to. */
  followPipe(knote: Knote): void {
    if (followsPipe(knote) && this.sources.watchPipes()) this.#isStale = true;
  }

  /** Take a knote off its descriptor. */
  unwatch(knote: Knote): void {
    const { source } = knote;
    if (source === null) return;
    this.#leave(knote, source);
    if (source.knotes.length === 0) this.#removeSource(source, true);
  }

  #leave(knote: Knote, source: FdSource): void {
    knote.source = null;
    source.knotes.splice(source.knotes.indexOf(knote), 1);
    source.descriptor.queue?.nesting.removeWatcher(knote);
  }

  #removeSource(source: FdSource, open: boolean): void {
    const { queue } = source.descriptor;
    if (queue !== null) this.nesting.release(queue);
    this.sources.remove(source, open);
    this.#isStale = true;
  }

  /**
   * The descriptor of a source was closed: its knotes go without an event,
   * but for those that asked to hear of it. `open` while it still is the file
   * that was registered.
   */
  forget(source: FdSource, open: boolean): void {
    for (const knote of [...source.knotes]) {
      this.#leave(knote, source);
      if ((knote.flags & D.EV_VANISHED) !== 0) {
        knote.vanished = true;
        this.activate(knote);
      } else {
        this.drop(knote);
      }
    }
    this.#removeSource(source, open);
  }

  /** Drop what was registered for a number that is another file now. */
  forgetStale(fd: number): void {
    for (const source of this.sources.of(fd)) {
      if (!this.sources.isSame(source)) this.forget(source, false);
    }
  }

  /** A number is about to be closed: drop what is registered for it. */
  forgetNumber(fd: number): void {
    for (const source of this.sources.of(fd)) {
      this.forget(source, this.sources.isSame(source));
    }
    if (this.#isStale) this.#settle();
  }

  sideEpoll(): number {
    if (this.#side >= 0) return this.#side;
    const side = this.kernel.createEpoll();
    if (side < 0) return -1;
    this.#side = side;
    this.kernel.epoll.add(this.fd, side, EPOLLIN, MEMBER_SIDE, 0);
    this.nesting.announce(side);
    return side;
  }

  /** The epolls that are readable when this queue must look. */
  epolls(): readonly number[] {
    return this.#side < 0 ? [this.inner] : [this.inner, this.#side];
  }

  // ---- timers -------------------------------------------------------------

  /** The timers for a change: on the clock that counts sleep, or not. */
  timersFor(fflags: number): Timers | undefined {
    if ((fflags & D.NOTE_MACH_CONTINUOUS_TIME) !== 0) {
      this.#sleepTimers ??= Timers.create(this, true);
      return this.#sleepTimers;
    }
    this.#timers ??= Timers.create(this, false);
    return this.#timers;
  }

  /** Deadlines have changed: the timerfds are armed before the call returns. */
  needsTimers(): void {
    this.#timersChanged = true;
    this.kernel.unsynced(this);
  }

  // ---- looking ------------------------------------------------------------

  /** Look at all sources without waiting: false if this is no queue any more. */
  #look(): boolean {
    const n = this.kernel.epoll.poll(this.fd);
    if (n < 0) return false;
    this.#dispatch(n);
    return true;
  }

  /** Look without collecting, for a queue that watches this one. */
  lookQuietly(): void {
    if (!this.closed && this.#hasSources()) this.#look();
  }

  /** Turn to what a wait on the outer epoll reported, in its order. */
  #dispatch(n: number): void {
    if (n > 0) {
      const { epoll } = this.kernel;
      if (this.#members.length < n) this.#members = new Int32Array(n);
      const members = this.#members;
      for (let i = 0; i < n; i++) members[i] = epoll.low(i);
      for (let i = 0; i < n; i++) {
        const member = members[i];
        if (member === MEMBER_INNER) this.#drain(this.inner);
        else if (member === MEMBER_SIDE) this.#drain(this.#side);
        else if (member === MEMBER_BELOW) this.nesting.lookBelow();
      }
    }
    this.sources.lookAtFiles();
    if (this.#vanishing.size > 0) this.#lookForVanished();
  }

  #lookForVanished(): void {
    for (const { source } of this.#vanishing) {
      if (source !== null && !this.sources.isSame(source)) {
        this.forget(source, false);
      }
    }
  }

  #drain(ep: number): void {
    const { epoll } = this.kernel;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const n = epoll.poll(ep);
      for (let i = 0; i < n; i++) {
        this.members.edge(epoll.low(i), epoll.high(i), epoll.bits(i));
      }
      if (n < epoll.batch) return;
    }
  }

  /** Something happened to what a knote watches. */
  post(knote: Knote): void {
    if (!knote.active && knote.filter.evaluate(knote)) this.activate(knote);
  }

  /** A file changed: whoever asked for one of the bits is told all. */
  postVnode(knote: Knote, hint: number): void {
    if (hint === D.NOTE_REVOKE) {
      knote.flags |= D.EV_EOF | D.EV_ONESHOT;
      knote.fflags |= knote.askedFflags & hint;
      this.activate(knote);
    } else if ((knote.askedFflags & hint) !== 0) {
      knote.fflags |= hint;
      this.activate(knote);
    }
  }

  /** There is something to report. */
  activate(knote: Knote): void {
    knote.active = true;
    if (!knote.disabled && !knote.queued) this.#enqueue(knote);
  }

  #enqueue(knote: Knote): void {
    this.#fifo.push(knote);
    if (this.#fifo.length === 1) {
      this.kernel.unsynced(this);
      this.nesting.postWatchers();
    }
  }

  #dequeue(knote: Knote): void {
    this.#fifo.remove(knote);
    if (this.#fifo.length === 0) this.kernel.unsynced(this);
  }

  /** Make the descriptor readable exactly while something waits. */
  sync(): void {
    this.isUnsynced = false;
    if (this.closed) return;
    const isReady = this.#fifo.length > 0;
    if (isReady !== this.#isReady) {
      this.#isReady = isReady;
      this.kernel.signal(this.#ready, isReady);
    }
    if (this.#timersChanged) {
      this.#timersChanged = false;
      this.#timers?.arm();
      this.#sleepTimers?.arm();
    }
  }

  /** Make the descriptor readable whatever waits, or truthful again. */
  pretendReady(on: boolean): void {
    if (!this.#isReady) this.kernel.signal(this.#ready, on);
  }

  // ---- collecting ---------------------------------------------------------

  #collect(events: KeventMemory, nevents: number): number {
    const again = this.#again;
    let count = 0;
    while (count < nevents) {
      const knote = this.#fifo.head;
      if (knote === null) break;
      this.#dequeue(knote);
      knote.active = false;
      if (this.#delivered.has(knote)) {
        // Posted again since: it is for the next call.
        again.push(knote);
        continue;
      }
      const flags = this.#eventFlags(knote);
      if (flags < 0) continue;
      this.#writeEvent(knote, flags, events, count++);
      if (this.#afterDelivery(knote, flags)) again.push(knote);
      if (this.nesting.hasChildren) this.#delivered.add(knote);
    }
    if (again.length > 0) {
      for (const knote of again) {
        if (!knote.dropped) this.activate(knote);
      }
      again.length = 0;
    }
    if (this.#delivered.size > 0) this.#delivered.clear();
    return count;
  }

  /** The flags of a knote's event, or -1 if there is nothing to report. */
  #eventFlags(knote: Knote): number {
    if (knote.deleting || knote.vanished) {
      const what = knote.deleting ? D.EV_DELETE : D.EV_VANISHED;
      knote.fflags = 0;
      knote.dataLow = 0;
      knote.dataHigh = 0;
      return EV_DISPATCH2 | D.EV_ONESHOT | what;
    }
    const { source } = knote;
    if (source !== null && !this.sources.isSame(source)) {
      this.forget(source, false);
      return -1;
    }
    return knote.filter.evaluate(knote) ? knote.flags : -1;
  }

  /** Decide what becomes of a delivered knote: true if it is ready still. */
  #afterDelivery(knote: Knote, flags: number): boolean {
    if ((flags & D.EV_ONESHOT) !== 0) {
      const inTwoSteps = (knote.flags & EV_DISPATCH2) === EV_DISPATCH2;
      if (!inTwoSteps || knote.deleting) {
        this.drop(knote);
        return false;
      }
      knote.deleting = true;
      knote.disabled = true;
      return false;
    }
    knote.filter.delivered(knote);
    if ((flags & D.EV_DISPATCH) !== 0) {
      knote.disabled = true;
      return false;
    }
    return (flags & D.EV_CLEAR) === 0;
  }

  #writeEvent(
    knote: Knote,
    flags: number,
    events: KeventMemory,
    index: number,
  ): void {
    const { i32 } = events;
    const at = index * STRIDE;
    i32[at] = knote.identLow;
    i32[at + 1] = knote.identHigh;
    i32[at + 2] = (knote.filterNumber & 0xffff) | (flags << 16);
    i32[at + 3] = knote.fflags;
    i32[at + 4] = knote.dataLow;
    i32[at + 5] = knote.dataHigh;
    i32[at + 6] = knote.udataLow;
    i32[at + 7] = knote.udataHigh;
  }

  /** Write the entry that says how a change went. */
  #writeReceipt(
    changes: KeventMemory,
    from: number,
    events: KeventMemory,
    to: number,
    errno: number,
  ): void {
    const source = from * STRIDE;
    const target = to * STRIDE;
    const { i32 } = changes;
    for (let word = 0; word < STRIDE; word++) {
      events.i32[target + word] = i32[source + word];
    }
    const filter = i32[source + 2] & 0xffff;
    events.i32[target + 2] = filter | ((this.#flags | D.EV_ERROR) << 16);
    events.i32[target + 4] = errno;
    events.i32[target + 5] = 0;
  }

  /** Close everything but the queue's own descriptor. */
  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    for (const knote of this.#knotes.all()) {
      knote.dropped = true;
      // What hangs on descriptors goes with the epolls and the watcher.
      if (knote.source === null) knote.filter.detach(knote);
      else knote.source.descriptor.queue?.nesting.removeWatcher(knote);
    }
    this.nesting.dissolve();
    this.sources.close();
    this.#timers?.close();
    this.#sleepTimers?.close();
    for (const ep of this.epolls()) this.#libc.close(ep);
    this.#libc.close(this.#ready);
  }
}

/** Translate the errno a Linux call left. */
export const failure = (libc: Libc): number => darwinErrno(libc.errno());
