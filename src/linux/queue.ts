import type { Libc } from '../ffi/index.js';
import {
  allocateTimespec,
  type KeventMemory,
  POLL,
  type TimespecMemory,
} from '../memory/index.js';
import { Changes } from './changes.js';
import { timeoutOf } from './clock.js';
import { Collector } from './collector.js';
import {
  D,
  DE,
  darwinErrno,
  EPOLLIN,
  EPOLLONESHOT,
  LINUX_EINTR,
} from './constants.js';
import { Edges } from './edges.js';
import type { LinuxKernel } from './kernel.js';
import type { Knote } from './knote.js';
import { type Member, Members } from './members.js';
import { Nesting } from './nesting.js';
import type { Refusal } from './refusal.js';
import { type Readiness, Registrations } from './registrations.js';
import { type Aspect, FdSource, knotesOf } from './source.js';
import { Sources } from './sources.js';
import { Timers } from './timers.js';

/** What the outer epoll gives back for each of its members. */
const MEMBER_READY = 0;
const MEMBER_INNER = 1;
const MEMBER_SIDE = 2;

/** How the descriptor is kept readable. */
const OFF = 0;
/** Until it is looked at: most of what waits is then collected. */
const ONCE = 1;
const LEVEL = 2;

/** The queue's number is no queue any more: somebody else closed it. */
export const GONE = -0x10000;

/** A time to wait that means: collect nothing. */
export const ONLY_ERRORS = allocateTimespec();

const MAX_ROUNDS = 64;

/**
 * One kqueue. Its descriptor is an epoll of epolls: an inner one in which each
 * watched descriptor and timer is edge-triggered, and an eventfd that is always
 * readable, but asked for only while the FIFO is not empty. So it can be
 * polled; and a look that takes the last event needs no call to say so.
 *
 * Edges only put a knote at the end of the FIFO; whether there is an event is
 * found out when it is collected.
 */
export class Queue implements Readiness {
  /** Its own number, or a dup's after that was closed. */
  fd: number;
  readonly inner: number;
  readonly #ready: number;
  #side = -1;
  readonly kernel: LinuxKernel;
  readonly #libc: Libc;
  readonly knotes = new Registrations(this);
  readonly #changes = new Changes(this);
  readonly #collector = new Collector(this);
  /** What is in the inner epolls. */
  readonly members = new Members();
  readonly sources: Sources;
  readonly nesting: Nesting;
  #timers: Timers | undefined;
  #sleepTimers: Timers | undefined;
  #timersChanged = false;
  #armed = OFF;
  /** Something waited already when it was armed last. */
  #wasFull = false;
  #isStale = false;
  readonly #edges = new Edges();
  #members = new Int32Array(8);
  /** A member that each look must ask: its edges get lost between epolls. */
  asked: Member | null = null;
  closed = false;
  /** Whether it is spoken to with kevent64; unknown until it is. */
  isWide: boolean | undefined = undefined;
  /** It waits for the kernel to call {@link sync}. */
  isUnsynced = false;
  nextUnsynced: Queue | null = null;

  constructor(kernel: LinuxKernel, fd: number, inner: number, ready: number) {
    this.kernel = kernel;
    this.#libc = kernel.libc;
    this.fd = fd;
    this.inner = inner;
    this.#ready = ready;
    this.sources = new Sources(this);
    this.nesting = new Nesting(this, kernel.epoll);
  }

  /** Make the descriptor speak for the epolls behind it: -1 if it cannot. */
  connect(): number {
    const { epoll } = this.kernel;
    return Math.min(
      epoll.add(this.fd, this.inner, EPOLLIN, MEMBER_INNER, 0),
      epoll.add(this.fd, this.#ready, 0, MEMBER_READY, 0),
    );
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
    timeout: TimespecMemory | null,
  ): number {
    // What happened before the call comes before what its changes make ready,
    // and before what they make of those that watch this queue.
    if (this.nesting.isWatched) this.nesting.pollParents();
    // With nothing to look at, a look tells whether this is a queue still.
    if (nevents > 0 || changes === null || this.#hasSources()) {
      const n = this.kernel.epoll.poll(this.fd);
      if (n < 0) return GONE;
      if (n > 0 || this.#looksAnyhow()) this.#dispatch(n);
    }
    if (changes === null && timeout === POLL && this.#isIdle()) {
      this.kernel.sync();
      return 0;
    }
    const written =
      changes === null
        ? 0
        : this.#changes.apply(changes, nchanges, events, nevents);
    if (this.#isStale) this.#swallow();
    const collects = nevents > 0 && timeout !== ONLY_ERRORS;
    if (written === 0 && collects && events !== null) {
      return this.#collectOrWait(events, nevents, timeout);
    }
    this.kernel.sync();
    return written;
  }

  /** Whether there is more to look at than what the outer epoll tells. */
  #looksAnyhow(): boolean {
    return (
      this.asked !== null || this.sources.hasFiles || this.knotes.hasVanishing
    );
  }

  /** Whether nothing waits, or will once edges are swallowed. */
  #isIdle(): boolean {
    return this.knotes.pendingCount === 0 && !this.#isStale;
  }

  /** Leave the descriptor truthful at the end of a call. */
  #settle(): void {
    if (this.#isStale) this.#swallow();
    this.kernel.sync();
  }

  #collectOrWait(
    events: KeventMemory,
    nevents: number,
    timeout: TimespecMemory | null,
  ): number {
    const count = this.#collector.collect(events, nevents);
    if (count === 0 && timeout !== POLL) {
      return this.#wait(events, nevents, timeoutOf(timeout));
    }
    this.#settle();
    return count;
  }

  #wait(events: KeventMemory, nevents: number, nanos: number): number {
    let count = 0;
    const { clock, wait } = this.kernel;
    const deadline = nanos === Infinity ? Infinity : clock() + nanos;
    for (let left = nanos; left > 0; ) {
      this.kernel.sync();
      const n = wait(this.fd, left);
      const interrupted = n < 0;
      if (interrupted && this.#libc.errno() !== LINUX_EINTR) {
        const errno = failure(this.#libc);
        return errno === DE.EBADF || errno === DE.EINVAL ? GONE : -errno;
      }
      // A signal may have brought an event with it, which goes first.
      if (interrupted) this.#look();
      else this.#dispatch(n);
      count = this.#collector.collect(events, nevents);
      if (count > 0) break;
      if (interrupted) {
        this.#settle();
        return -DE.EINTR;
      }
      if (n === 0) break;
      if (deadline !== Infinity) left = deadline - clock();
    }
    this.#settle();
    return count;
  }

  /** Put something into the inner epoll: a Darwin errno. */
  addMember(member: Member, fd: number, bits: number): number {
    // The number may be one that was closed elsewhere: in the epoll it would be
    // taken for what had it before.
    this.forgetStale(fd);
    this.members.add(member);
    const { slot, generation } = member;
    if (this.kernel.epoll.add(this.inner, fd, bits, slot, generation) < 0) {
      const errno = failure(this.#libc);
      this.members.remove(member);
      return errno;
    }
    // It is new: its first edge means nothing.
    this.#isStale = true;
    return 0;
  }

  /** Take it out again. */
  removeMember(member: Member, fd: number): void {
    this.kernel.epoll.remove(this.inner, fd);
    this.members.remove(member);
  }

  /** Swallow the edges that new registrations made. */
  #swallow(): void {
    this.#isStale = false;
    this.#look();
  }

  #hasSources(): boolean {
    return (
      this.members.size > 0 || this.sources.size > 0 || this.nesting.hasChildren
    );
  }

  // ---- descriptors --------------------------------------------------------

  /** Hang a knote on its descriptor: a Darwin errno. */
  watch(knote: Knote, aspect: Aspect, refuses: Refusal): number {
    const fd = knote.identLow;
    this.forgetStale(fd);
    const descriptor = this.kernel.describe(fd);
    if (descriptor === undefined)
      return fd < 0 ? DE.EBADF : failure(this.#libc);
    if (knote.identHigh !== 0) return DE.EINVAL;
    const refused = refuses(knote, descriptor);
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
    this.attend(knote);
    return 0;
  }

  /** See to what a knote asks for, which a change may have changed. */
  attend(knote: Knote): void {
    if (this.sources.attend(knote)) this.#isStale = true;
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
    this.#abandon([source]);
    this.#removeSource(source, open);
  }

  #abandon(sources: readonly FdSource[]): void {
    for (const knote of knotesOf(sources)) {
      if (knote.source !== null) this.#leave(knote, knote.source);
      if ((knote.flags & D.EV_VANISHED) !== 0) {
        knote.vanished = true;
        this.knotes.activate(knote);
      } else {
        this.knotes.drop(knote);
      }
    }
  }

  /** Drop what was registered for a number that is another file now. */
  forgetStale(fd: number): void {
    for (const source of this.sources.of(fd)) {
      if (!this.sources.isSame(source)) this.forget(source, false);
    }
  }

  /** A number is about to be closed: drop what is registered for it. */
  forgetNumber(fd: number): void {
    // What happened before comes before what is told of the closing.
    if (this.knotes.hasVanishing) this.#look();
    const sources = this.sources.of(fd);
    const open = sources.map((source) => this.sources.isSame(source));
    this.#abandon(sources);
    for (const [i, source] of sources.entries()) {
      this.#removeSource(source, open[i]);
    }
    if (this.#isStale) this.#swallow();
  }

  sideEpoll(): number {
    if (this.#side >= 0) return this.#side;
    const side = this.kernel.createEpoll();
    if (side < 0) return -1;
    if (this.kernel.epoll.add(this.fd, side, EPOLLIN, MEMBER_SIDE, 0) < 0) {
      this.#libc.close(side);
      return -1;
    }
    if (this.nesting.announce(side) < 0) {
      // Without it those above would not wake for it. It goes from all.
      this.#libc.close(side);
      return -1;
    }
    this.#side = side;
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
  pollSources(): void {
    if (!this.closed && this.#hasSources()) this.#look();
  }

  /** Turn to what a wait on the outer epoll reported, in its order. */
  #dispatch(reported: number): void {
    let n = reported;
    for (let round = 0; n > 0 && round < MAX_ROUNDS; round++) {
      if (!this.#drainMembers(n) || this.#side < 0) break;
      // A member that was drained keeps its old place in the outer epoll until
      // that is asked again, and would be reported too early next time.
      n = this.kernel.epoll.poll(this.fd);
    }
    this.asked?.edge(0);
    if (this.sources.hasFiles) this.sources.lookAtFiles();
    if (this.knotes.hasVanishing) this.#lookForVanished();
  }

  /** Drain what was reported; false if that was the FIFO alone. */
  #drainMembers(n: number): boolean {
    const { epoll } = this.kernel;
    if (this.#members.length < n) this.#members = new Int32Array(n);
    const members = this.#members;
    let drained = false;
    // To drain one takes the place of what was reported.
    for (let i = 0; i < n; i++) members[i] = epoll.low(i);
    for (let i = 0; i < n; i++) {
      const member = members[i];
      if (member === MEMBER_READY) {
        if (this.#armed === ONCE) {
          this.#armed = OFF;
          this.kernel.unsynced(this);
        }
        continue;
      }
      drained = true;
      if (member === MEMBER_INNER) this.#drain(this.inner);
      else if (member === MEMBER_SIDE) this.#drain(this.#side);
      else this.nesting.pollChildren();
    }
    return drained;
  }

  #lookForVanished(): void {
    for (const { source } of this.knotes.vanishing) {
      if (source !== null && !this.sources.isSame(source)) {
        this.forget(source, false);
      }
    }
  }

  #drain(ep: number): void {
    const { epoll } = this.kernel;
    const edges = this.#edges;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const n = epoll.poll(ep);
      for (let i = 0; i < n; i++) {
        const member = this.members.find(epoll.low(i), epoll.high(i));
        if (member instanceof FdSource) {
          edges.add(member, epoll.bits(i));
        } else if (member !== null) {
          edges.post();
          member.edge(epoll.bits(i));
        }
      }
      edges.post();
      if (n < epoll.maxEvents) return;
    }
  }

  becamePending(): void {
    this.kernel.unsynced(this);
    this.nesting.postWatchers();
  }

  becameEmpty(): void {
    this.kernel.unsynced(this);
  }

  /** Make the descriptor readable exactly while something waits. */
  sync(): void {
    this.isUnsynced = false;
    this.nextUnsynced = null;
    if (this.closed) return;
    if (this.knotes.pendingCount > 0) {
      // Looked at, and there is more than was collected: this may go on.
      if (this.#armed === OFF) this.#arm(this.#wasFull ? LEVEL : ONCE);
      this.#wasFull = true;
    } else {
      this.#wasFull = false;
      if (this.#armed !== OFF) this.#arm(OFF);
    }
    if (this.#timersChanged) {
      this.#timersChanged = false;
      this.#timers?.arm();
      this.#sleepTimers?.arm();
    }
  }

  #arm(how: number): void {
    this.#armed = how;
    const bits =
      how === OFF ? 0 : how === LEVEL ? EPOLLIN : EPOLLIN | EPOLLONESHOT;
    const { epoll } = this.kernel;
    if (epoll.modify(this.fd, this.#ready, bits, MEMBER_READY, 0) >= 0) return;
    // Whoever polls the queue would not hear of what waits.
    epoll.modify(this.fd, this.#ready, bits, MEMBER_READY, 0);
  }

  /** Make the descriptor readable whatever waits, or truthful again. */
  pretendReady(on: boolean): void {
    if (this.knotes.pendingCount === 0) this.#arm(on ? LEVEL : OFF);
  }

  /** Close everything but the queue's own descriptor. */
  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    for (const knote of this.knotes.all()) {
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
