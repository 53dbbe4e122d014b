import {
  type KeventMemory,
  POLL,
  type TimespecMemory,
} from '../memory/index.js';
import { Changes } from './changes.js';
import { timeoutOf } from './clock.js';
import { Collector } from './collector.js';
import { DE } from './constants.js';
import { LINUX_EINTR, lastErrno } from './errno.js';
import { InnerEpolls } from './inner-epolls.js';
import { InterestList } from './interest-list.js';
import type { LinuxKernel } from './kernel.js';
import { Knotes } from './knotes.js';
import { Nesting } from './nesting.js';
import type { OwnMember } from './own-members.js';
import { ReadyFlag } from './ready-flag.js';
import { areSimple } from './record.js';
import { Repairs } from './repairs.js';
import { Reports } from './reports.js';
import { Sources } from './sources.js';
import { Timers } from './timers.js';
import { Unreported } from './unreported.js';

/** The result of a call on a queue that had lost its descriptor. */
export const MOVED = Number.NEGATIVE_INFINITY;

/** In nanoseconds: a wait checks the parts of the queue in growing intervals. */
const FIRST_PAUSE = 50e6;
const MAX_PAUSE = 1e9;

/**
 * One kqueue. Its descriptor is an outer epoll, so that it is pollable. The
 * outer epoll holds a flag that is readable while events are pending, and what
 * the queue watches, or inner epolls with that, all edge-triggered. An edge only
 * appends a knote to the FIFO; whether there is an event is decided when it is
 * collected.
 */
export class Queue {
  /** Its descriptor, or a duplicate after that was closed. */
  fd: number;
  readonly kernel: LinuxKernel;
  /** The token that the outer epoll reports with all events. */
  readonly token: number;
  readonly knotes: Knotes;
  readonly epolls: InnerEpolls;
  readonly interest: InterestList;
  readonly sources: Sources;
  readonly nesting: Nesting;
  readonly timers: Timers;
  readonly readyFlag: ReadyFlag;
  readonly repairs: Repairs;
  readonly reports: Reports;
  readonly unreported: Unreported;
  readonly #changes: Changes;
  readonly #collector: Collector;
  /**
   * Entries of epoll were added or removed. Their edges mean nothing, and must
   * be drained before the call returns.
   */
  hasFirstEdges = false;
  closed = false;
  /** The kernel has to call {@link sync}. */
  isUnsynced = false;
  nextUnsynced: Queue | null = null;
  /** The current call has not yet posted the edges from before it. */
  #looksLater = false;
  #call: 'kevent' | 'kevent64' | undefined;

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
    this.reports = new Reports(this);
    this.unreported = new Unreported(this);
  }

  /** Add the parts to the queue's descriptor: -1 if that fails. */
  connect(): number {
    return Math.min(this.readyFlag.connect(), this.epolls.connect());
  }

  /** A queue accepts only one of the two calls: the one that is used first. */
  speaks(call: 'kevent' | 'kevent64'): boolean {
    this.#call ??= call;
    return this.#call === call;
  }

  // ---- the call -----------------------------------------------------------

  /**
   * Apply changes, then collect: kevent(2) after its arguments are checked.
   * Returns the count, a negative Darwin errno, or {@link MOVED}: other code
   * closed the descriptor before this call, which then does nothing.
   */
  kevent(
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    timeout: TimespecMemory | null,
    onlyErrors: boolean,
  ): number {
    // Events from before the call come before events that its changes cause, in
    // this queue and in the queues that watch it.
    if (this.nesting.isWatched && !this.nesting.pollParents()) {
      return this.#leave();
    }
    let reported = 0;
    // As in the periodic checks while the event loop watches the queue.
    const asksNothing = changes === null && nevents === 0;
    this.#looksLater =
      changes !== null &&
      nevents === 0 &&
      this.#mayLookLater(changes, nchanges);
    if (changes === null || (!this.#looksLater && this.#hasSources())) {
      reported = this.kernel.epoll.poll(this.fd);
      if (reported < 0) return this.#leave();
      if (reported > 0 || this.#needsPolling()) {
        if (!this.#dispatchAll(reported)) return this.#leave();
      }
      const isDue = this.repairs.isDue() || asksNothing;
      if (isDue && !this.repairs.check()) return MOVED;
    }
    const isIdle = this.knotes.pendingCount === 0 && !this.hasFirstEdges;
    if (changes === null && timeout === POLL && isIdle) {
      this.#collector.foundNothing();
      this.kernel.sync();
      return 0;
    }
    // A report shows whose the descriptor is; without one, check it. While
    // events are pending there is a report, unless the descriptor is another
    // queue.
    if (
      reported === 0 &&
      (changes !== null || this.knotes.pendingCount > 0) &&
      !this.repairs.isOpen()
    ) {
      return this.#leave();
    }
    let written = 0;
    if (changes !== null) {
      written = this.#changes.apply(changes, nchanges, events, nevents);
    }
    if (this.hasFirstEdges) this.#drainFirstEdges();
    if (written === 0 && nevents > 0 && !onlyErrors && events !== null) {
      return this.#collectOrWait(events, nevents, timeout);
    }
    this.kernel.sync();
    return written;
  }

  /**
   * Whether earlier edges can stay in epoll until a change makes an event
   * pending. They keep their order there, except where epolls are nested.
   */
  #mayLookLater(changes: KeventMemory, nchanges: number): boolean {
    const { epolls, nesting } = this;
    const isFlat =
      epolls.side < 0 &&
      !nesting.hasChildren &&
      !nesting.isWatched &&
      !this.#needsPolling();
    return isFlat && areSimple(changes, nchanges, epolls.isDirect);
  }

  /** A change may make an event pending: post earlier edges before it. */
  lookBefore(): void {
    if (!this.#looksLater) return;
    this.#looksLater = false;
    if (this.#hasSources()) this.#poll();
  }

  /** The descriptor is no longer its own. */
  #leave(result = MOVED): number {
    this.kernel.queues.leave(this);
    return result;
  }

  /** Whether something besides the outer epoll must be polled. */
  #needsPolling(): boolean {
    return this.unreported.exists || this.nesting.hasUnreported;
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
    let isCheckDue = false;
    let pause = FIRST_PAUSE;
    const { blocking, libc } = this.kernel;
    let checkedAt = blocking.now();
    const deadline = checkedAt + nanos;
    for (let left = nanos; left > 0; left = deadline - blocking.now()) {
      if (isCheckDue) {
        // Nothing wakes the wait if another thread closes a part of the queue.
        if (!this.repairs.check()) return -DE.EBADF;
        isCheckDue = false;
        pause = Math.min(2 * pause, MAX_PAUSE);
        checkedAt = blocking.now();
      }
      this.kernel.sync();
      this.kernel.armAll();
      const checks = left > pause;
      const n = blocking.wait(this.fd, checks ? pause : left);
      if (n === 0 && checks) {
        isCheckDue = true;
        continue;
      }
      const interrupted = n < 0;
      if (interrupted && libc.errno() !== LINUX_EINTR) {
        const errno = lastErrno(libc);
        if (errno !== DE.EBADF && errno !== DE.EINVAL) return -errno;
        return this.#leave(-DE.EBADF);
      }
      // A signal may have caused an event, which comes first.
      if (interrupted) this.#poll();
      else if (!this.#dispatchAll(n)) return this.#leave(-DE.EBADF);
      count = this.#collector.collect(events, nevents);
      if (count > 0) break;
      if (interrupted) {
        this.#settle();
        return -DE.EINTR;
      }
      if (n === 0) break;
      isCheckDue = checks && blocking.now() - checkedAt >= pause;
    }
    this.#settle();
    return count;
  }

  /** Make the descriptor readable exactly while events are pending. */
  #settle(): void {
    if (this.hasFirstEdges) this.#drainFirstEdges();
    this.kernel.sync();
  }

  #drainFirstEdges(): void {
    this.hasFirstEdges = false;
    this.#poll();
  }

  // ---- what it watches ----------------------------------------------------

  /**
   * A descriptor was opened for a part of the queue. Call it before the part is
   * added to an epoll. If other code closed a registered descriptor of that
   * number, the part would be taken for the registered file.
   */
  own(fd: number, holder: object): void {
    this.kernel.own(fd, holder);
    this.sources.dropStale(fd);
  }

  /** Watch a descriptor of the package's own. Returns a Darwin errno. */
  addMember(member: OwnMember, fd: number, bits: number): number {
    this.own(fd, member.holder ?? member);
    const refused = this.epolls.useInner();
    if (refused !== 0) return refused;
    const errno = this.epolls.others.add(member, fd, bits);
    if (errno === 0) this.hasFirstEdges = true;
    return errno;
  }

  /** Stop watching. False if the descriptor is now another file. */
  removeMember(member: OwnMember, fd: number): boolean {
    return this.epolls.others.remove(member, fd);
  }

  /** Drop the registrations of a descriptor that is about to be closed. */
  closeDescriptor(fd: number): void {
    // Events from before the close come before EV_VANISHED.
    if (this.knotes.hasVanishing) this.#poll();
    this.sources.dropAll(fd);
    if (this.hasFirstEdges) this.#drainFirstEdges();
  }

  /** Poll for a queue above. Returns whether there was anything. */
  pollSources(): boolean {
    // In a circle of queues, the call that polls it continues.
    if (this.reports.isPosting) return true;
    return !this.closed && this.#hasSources() && this.#poll();
  }

  #poll(): boolean {
    const n = this.kernel.epoll.poll(this.fd);
    if (n >= 0 && this.#dispatch(n)) return n > 0;
    this.kernel.queues.leave(this);
    // Try again with its other descriptor.
    if (!this.closed) this.#dispatch(this.kernel.epoll.poll(this.fd));
    return true;
  }

  /**
   * Post what the outer epoll reported, in order, and poll the other sources.
   * False if it was another epoll.
   */
  #dispatch(reported: number): boolean {
    if (!this.reports.post(reported)) return false;
    this.unreported.poll();
    return true;
  }

  /** The same, and poll the other sources of the queues below. */
  #dispatchAll(reported: number): boolean {
    if (!this.#dispatch(reported)) return false;
    if (this.nesting.hasUnreported) this.nesting.pollUnreported();
    return true;
  }

  // ---- what it looks like from outside ------------------------------------

  /** A first event is pending. */
  becamePending(): void {
    this.kernel.scheduleSync(this);
    this.nesting.postWatchers();
  }

  becameEmpty(): void {
    this.kernel.scheduleSync(this);
  }

  /** Update the descriptor and the timerfds. */
  sync(): void {
    this.isUnsynced = false;
    this.nextUnsynced = null;
    if (!this.repairs.isReachable()) return;
    this.readyFlag.update(this.knotes.pendingCount > 0);
    this.timers.arm();
  }

  /** Make the descriptor readable in any case, or exact again. */
  forceReadable(on: boolean): void {
    if (this.knotes.pendingCount === 0) this.readyFlag.force(on);
  }

  /**
   * Close all parts that are still the queue's, except its own descriptor. Each
   * part is proved by parts that are closed after it. `isProved` if the eventfd
   * is known to be still its own.
   */
  dispose(isProved = false): void {
    if (this.closed) return;
    this.closed = true;
    const { identity, queues } = this.kernel;
    const hasEventfd = isProved || identity.isEventfd(this);
    this.epolls.releaseLost(hasEventfd);
    queues.remove(this);
    for (const knote of this.knotes.all()) {
      knote.dropped = true;
      // Closing the epolls and inotify ends the sources.
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
