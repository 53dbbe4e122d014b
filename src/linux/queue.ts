import {
  type KeventMemory,
  POLL,
  type TimespecMemory,
} from '../memory/index.js';
import { Changes } from './changes.js';
import { timeoutOf } from './clock.js';
import { Collector } from './collector.js';
import { DE, OUTER_INNER, OUTER_READY, OUTER_SIDE } from './constants.js';
import { LINUX_EINTR, lastErrno } from './errno.js';
import { InnerEpolls, MAX_ROUNDS } from './inner-epolls.js';
import { InterestList } from './interest-list.js';
import type { LinuxKernel } from './kernel.js';
import { Knotes } from './knotes.js';
import type { Member } from './members.js';
import { Nesting } from './nesting.js';
import { ReadyFlag } from './ready-flag.js';
import { isTrigger } from './record.js';
import { Repairs } from './repairs.js';
import { Sources } from './sources.js';
import { Timers } from './timers.js';

/** The count of a call on a queue that had lost its descriptor. */
export const MOVED = Number.NEGATIVE_INFINITY;

/** So many calls in vain until it is checked whether its parts are there. */
const IDLE_CALLS = 64;
/** The same for a wait, in nanoseconds. */
const SOON = 50e6;

/**
 * One kqueue. Its descriptor is an outer epoll, so that it can be polled
 * itself. In it are the inner epolls, in which everything is edge-triggered,
 * and a flag that is readable while events are pending.
 *
 * An edge only puts a knote at the end of the FIFO; whether there is an event
 * is found out when it is collected.
 */
export class Queue {
  /** Its descriptor, or a dup's after that was closed. */
  fd: number;
  readonly kernel: LinuxKernel;
  /** The outer epoll reports all events with it. */
  readonly token: number;
  readonly knotes: Knotes;
  readonly epolls: InnerEpolls;
  readonly interest: InterestList;
  readonly sources: Sources;
  readonly nesting: Nesting;
  readonly timers: Timers;
  readonly readyFlag: ReadyFlag;
  readonly repairs: Repairs;
  readonly #changes: Changes;
  readonly #collector: Collector;
  /** A copy of the outer epoll's report: draining reuses its memory. */
  #reported = new Int32Array(8);
  /** A member that each call must poll: its edges get lost between epolls. */
  polledMember: Member | null = null;
  /**
   * Entries of epoll are new, or are gone: edges they made mean nothing and
   * must be drained before the call returns.
   */
  hasFirstEdges = false;
  closed = false;
  /** It waits for the kernel to call {@link sync}. */
  isUnsynced = false;
  nextUnsynced: Queue | null = null;
  #call: 'kevent' | 'kevent64' | undefined;
  #idleCalls = 0;

  constructor(
    kernel: LinuxKernel,
    fd: number,
    inner: number,
    eventfd: number,
    token: number,
  ) {
    this.kernel = kernel;
    this.fd = fd;
    this.token = token;
    this.knotes = new Knotes(this);
    this.epolls = new InnerEpolls(this, inner);
    this.interest = new InterestList(this);
    this.sources = new Sources(this);
    this.nesting = new Nesting(this, kernel.epoll);
    this.timers = new Timers(this);
    this.#changes = new Changes(this);
    this.#collector = new Collector(this);
    this.readyFlag = new ReadyFlag(this, eventfd);
    this.repairs = new Repairs(this);
  }

  /** Put its parts into its descriptor: -1 if that fails. */
  connect(): number {
    return Math.min(this.readyFlag.connect(), this.epolls.connect());
  }

  /** A queue is spoken to with one of the two calls, the first that is used. */
  speaks(call: 'kevent' | 'kevent64'): boolean {
    this.#call ??= call;
    return this.#call === call;
  }

  // ---- the call -----------------------------------------------------------

  /**
   * Apply changes, then collect: what kevent(2) does once its arguments are
   * checked. Returns the count, a negative Darwin errno, or {@link MOVED}: its
   * descriptor was closed elsewhere, before this call, which does nothing.
   */
  kevent(
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    timeout: TimespecMemory | null,
    onlyErrors: boolean,
  ): number {
    // Events from before the call come before those that its changes cause, in
    // this queue and in the queues that watch it.
    if (this.nesting.isWatched) this.nesting.pollParents();
    let reported = 0;
    // As the queue is asked from time to time while the event loop watches it.
    const asksNothing = changes === null && nevents === 0;
    if (changes === null || this.#hasSources()) {
      reported = this.kernel.epoll.poll(this.fd);
      if (reported < 0) return this.#leave();
      if (reported > 0 || this.#needsPolling()) {
        if (!this.#dispatch(reported)) return this.#leave();
      } else if (
        (asksNothing || ++this.#idleCalls % IDLE_CALLS === 0) &&
        !this.repairs.check()
      ) {
        return MOVED;
      }
    }
    if (changes === null && timeout === POLL && this.#isIdle()) {
      this.kernel.sync();
      return 0;
    }
    // A report shows whose the descriptor is: without one it has to be asked.
    // While events are pending there is one, unless it is another queue's.
    if (
      reported === 0 &&
      (changes !== null || this.knotes.pendingCount > 0) &&
      !this.repairs.isOpen(
        changes !== null && nevents === 0 && isTrigger(changes, nchanges),
      )
    ) {
      return this.#leave();
    }
    let written = 0;
    if (changes !== null) {
      written = this.#changes.apply(changes, nchanges, events, nevents);
    }
    if (this.hasFirstEdges) this.#drainFirstEdges();
    const collects = nevents > 0 && !onlyErrors;
    if (written === 0 && collects && events !== null) {
      return this.#collectOrWait(events, nevents, timeout);
    }
    this.kernel.sync();
    return written;
  }

  /** Its descriptor is not its own any more. */
  #leave(result = MOVED): number {
    this.kernel.queues.leave(this);
    return result;
  }

  /** Whether something must be polled besides the outer epoll. */
  #needsPolling(): boolean {
    return (
      this.polledMember !== null ||
      this.sources.needsPolling ||
      this.knotes.hasVanishing
    );
  }

  /** Whether no event is pending, nor will be once edges are drained. */
  #isIdle(): boolean {
    return this.knotes.pendingCount === 0 && !this.hasFirstEdges;
  }

  #hasSources(): boolean {
    const { epolls, sources, nesting } = this;
    return epolls.members.size > 0 || sources.size > 0 || nesting.hasChildren;
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
    let isChecked = false;
    const { blocking, libc } = this.kernel;
    const deadline = nanos === Infinity ? Infinity : blocking.now() + nanos;
    for (let left = nanos; left > 0; ) {
      this.kernel.sync();
      const checks = !isChecked && left > SOON;
      const n = blocking.wait(this.fd, checks ? SOON : left);
      if (n === 0 && checks) {
        // Nothing would wake it if a part of it was closed elsewhere.
        if (!this.repairs.check()) return -DE.EBADF;
        isChecked = true;
        if (deadline !== Infinity) left = deadline - blocking.now();
        continue;
      }
      const interrupted = n < 0;
      if (interrupted && libc.errno() !== LINUX_EINTR) {
        const errno = lastErrno(libc);
        if (errno !== DE.EBADF && errno !== DE.EINVAL) return -errno;
        return this.#leave(-DE.EBADF);
      }
      // A signal may have brought an event with it, which goes first.
      if (interrupted) this.#poll();
      else if (!this.#dispatch(n)) return this.#leave(-DE.EBADF);
      count = this.#collector.collect(events, nevents);
      if (count > 0) break;
      if (interrupted) {
        this.#settle();
        return -DE.EINTR;
      }
      if (n === 0) break;
      if (deadline !== Infinity) left = deadline - blocking.now();
    }
    this.#settle();
    return count;
  }

  /** Leave the descriptor readable exactly while events are pending. */
  #settle(): void {
    if (this.hasFirstEdges) this.#drainFirstEdges();
    this.kernel.sync();
  }

  #drainFirstEdges(): void {
    this.hasFirstEdges = false;
    this.#poll();
  }

  // ---- what it watches ----------------------------------------------------

  /** Watch something besides the caller's descriptors: a Darwin errno. */
  addMember(member: Member, fd: number, bits: number): number {
    // A descriptor that was closed elsewhere and is ours now would be taken
    // for the file that had it before.
    this.kernel.own(fd, member);
    this.sources.dropStale(fd);
    this.epolls.repair();
    const errno = this.epolls.add(member, fd, bits);
    if (errno === 0) this.hasFirstEdges = true;
    return errno;
  }

  /** Stop watching; false if the descriptor is another file's by now. */
  removeMember(member: Member, fd: number): boolean {
    return this.epolls.remove(member, fd);
  }

  /** Drop what is registered for a descriptor that is about to be closed. */
  closeDescriptor(fd: number): void {
    // Events from before the closing come before EV_VANISHED.
    if (this.knotes.hasVanishing) this.#poll();
    this.sources.dropAll(fd);
    if (this.hasFirstEdges) this.#drainFirstEdges();
  }

  /**
   * Poll without collecting, for a queue that watches this one: whether there
   * was anything.
   */
  pollSources(): boolean {
    return !this.closed && this.#hasSources() && this.#poll();
  }

  #poll(): boolean {
    const n = this.kernel.epoll.poll(this.fd);
    if (n >= 0 && this.#dispatch(n)) return n > 0;
    this.kernel.queues.leave(this);
    // Once more, if it has another descriptor.
    if (!this.closed) this.#dispatch(this.kernel.epoll.poll(this.fd));
    return true;
  }

  /**
   * Post what the outer epoll reported, in its order, and poll the rest; false
   * if it was another epoll.
   */
  #dispatch(reported: number): boolean {
    let n = reported;
    for (let round = 0; n > 0 && round < MAX_ROUNDS; round++) {
      const drained = this.#drainReported(n);
      if (drained === undefined) return false;
      if (!drained || this.epolls.side < 0) break;
      // An epoll that was drained keeps its old place in the outer epoll until
      // that is polled again, and would be reported too early next time.
      n = this.kernel.epoll.poll(this.fd);
    }
    this.polledMember?.edge(0);
    if (this.sources.needsPolling) this.sources.poll();
    if (this.knotes.hasVanishing) this.sources.dropVanished();
    return true;
  }

  /**
   * Drain the epolls that were reported; false if there were none, `undefined`
   * if the report is another epoll's.
   */
  #drainReported(n: number): boolean | undefined {
    const { epolls, kernel } = this;
    if (this.#reported.length < n) this.#reported = new Int32Array(n);
    const reported = this.#reported;
    let drained = false;
    for (let i = 0; i < n; i++) {
      reported[i] = kernel.epoll.low(i);
      const token = kernel.epoll.high(i);
      if (token !== this.token) {
        // It may have spent the flag of the queue that it is.
        kernel.queues.findByToken(token)?.readyFlag.reported();
        return undefined;
      }
    }
    for (let i = 0; i < n; i++) {
      const member = reported[i];
      if (member === OUTER_READY) {
        this.readyFlag.reported();
        continue;
      }
      drained = true;
      if (member === OUTER_INNER) epolls.drain(epolls.inner);
      else if (member === OUTER_SIDE) epolls.drain(epolls.side);
      else this.nesting.pollChildren();
    }
    return drained;
  }

  // ---- what it looks like from outside ------------------------------------

  /** A first event is pending. */
  becamePending(): void {
    this.kernel.scheduleSync(this);
    this.nesting.postWatchers();
  }

  /** No event is pending any more. */
  becameEmpty(): void {
    this.kernel.scheduleSync(this);
  }

  /** Bring the descriptor and the timerfds up to date. */
  sync(): void {
    this.isUnsynced = false;
    this.nextUnsynced = null;
    if (this.closed) return;
    this.readyFlag.update(this.knotes.pendingCount > 0);
    this.timers.arm();
  }

  /** Make the descriptor readable whatever is pending, or truthful again. */
  forceReadable(on: boolean): void {
    if (this.knotes.pendingCount === 0) this.readyFlag.force(on);
  }

  /**
   * Close everything but the queue's own descriptor, as far as it still is the
   * queue's: each part is proved by those that are closed after it.
   */
  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    const { identity, queues } = this.kernel;
    const hasEventfd = identity.isEventfd(this);
    queues.remove(this);
    for (const knote of this.knotes.all()) {
      knote.dropped = true;
      // Sources go with the epolls and with inotify.
      if (knote.source === null) knote.filter.detach(knote);
      else knote.source.descriptor.queue?.nesting.removeWatcher(knote);
    }
    this.nesting.close();
    this.sources.close();
    this.timers.close();
    this.kernel.wakers.closeAll(this);
    this.epolls.close();
    this.readyFlag.close(hasEventfd);
    identity.release(this.fd, this);
  }
}
