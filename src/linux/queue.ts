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
import { Sources } from './sources.js';
import { Timers } from './timers.js';

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
  readonly knotes: Knotes;
  readonly epolls: InnerEpolls;
  readonly interest: InterestList;
  readonly sources: Sources;
  readonly nesting: Nesting;
  readonly timers: Timers;
  readonly #changes: Changes;
  readonly #collector: Collector;
  readonly #readyFlag: ReadyFlag;
  /** What the outer epoll reported: draining uses the memory it was in. */
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

  constructor(kernel: LinuxKernel, fd: number, inner: number, eventfd: number) {
    this.kernel = kernel;
    this.fd = fd;
    this.knotes = new Knotes(this);
    this.epolls = new InnerEpolls(this, inner);
    this.interest = new InterestList(this);
    this.sources = new Sources(this);
    this.nesting = new Nesting(this, kernel.epoll);
    this.timers = new Timers(this);
    this.#changes = new Changes(this);
    this.#collector = new Collector(this);
    this.#readyFlag = new ReadyFlag(this, eventfd);
  }

  /** Put its parts into its descriptor: -1 if that fails. */
  connect(): number {
    return Math.min(this.epolls.connect(), this.#readyFlag.connect());
  }

  /** A queue is spoken to with one of the two calls, the first that is used. */
  speaks(call: 'kevent' | 'kevent64'): boolean {
    this.#call ??= call;
    return this.#call === call;
  }

  // ---- the call -----------------------------------------------------------

  /**
   * Apply changes, then collect: what kevent(2) does once its arguments are
   * checked. Returns the count, or a negative Darwin errno. A queue whose
   * descriptor was closed elsewhere ends here with EBADF.
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
    // Without a source, polling tells whether this still is a queue.
    if (nevents > 0 || changes === null || this.#hasSources()) {
      const n = this.kernel.epoll.poll(this.fd);
      if (n < 0) return this.#endAsClosed();
      if (n > 0 || this.#needsPolling()) this.#dispatch(n);
    }
    if (changes === null && timeout === POLL && this.#isIdle()) {
      this.kernel.sync();
      return 0;
    }
    const written =
      changes === null
        ? 0
        : this.#changes.apply(changes, nchanges, events, nevents);
    if (this.hasFirstEdges) this.#drainFirstEdges();
    const collects = nevents > 0 && !onlyErrors;
    if (written === 0 && collects && events !== null) {
      return this.#collectOrWait(events, nevents, timeout);
    }
    this.kernel.sync();
    return written;
  }

  /** Its descriptor is no queue any more. */
  #endAsClosed(): number {
    this.kernel.queues.drop(this);
    return -DE.EBADF;
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
    const { blocking, libc } = this.kernel;
    const deadline = nanos === Infinity ? Infinity : blocking.now() + nanos;
    for (let left = nanos; left > 0; ) {
      this.kernel.sync();
      const n = blocking.wait(this.fd, left);
      const interrupted = n < 0;
      if (interrupted && libc.errno() !== LINUX_EINTR) {
        const errno = lastErrno(libc);
        const isClosed = errno === DE.EBADF || errno === DE.EINVAL;
        return isClosed ? this.#endAsClosed() : -errno;
      }
      // A signal may have brought an event with it, which goes first.
      if (interrupted) this.#poll();
      else this.#dispatch(n);
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
    this.sources.dropStale(fd);
    const errno = this.epolls.add(member, fd, bits);
    if (errno === 0) this.hasFirstEdges = true;
    return errno;
  }

  removeMember(member: Member, fd: number): void {
    this.epolls.remove(member, fd);
  }

  /** Drop what is registered for a descriptor that is about to be closed. */
  closeDescriptor(fd: number): void {
    // Events from before the closing come before EV_VANISHED.
    if (this.knotes.hasVanishing) this.#poll();
    this.sources.dropAll(fd);
    if (this.hasFirstEdges) this.#drainFirstEdges();
  }

  /** Poll without collecting, for a queue that watches this one. */
  pollSources(): void {
    if (!this.closed && this.#hasSources()) this.#poll();
  }

  #poll(): void {
    const n = this.kernel.epoll.poll(this.fd);
    if (n >= 0) this.#dispatch(n);
  }

  /** Post what the outer epoll reported, in its order, and poll the rest. */
  #dispatch(reported: number): void {
    let n = reported;
    for (let round = 0; n > 0 && round < MAX_ROUNDS; round++) {
      if (!this.#drainReported(n) || this.epolls.side < 0) break;
      // An epoll that was drained keeps its old place in the outer epoll until
      // that is polled again, and would be reported too early next time.
      n = this.kernel.epoll.poll(this.fd);
    }
    this.polledMember?.edge(0);
    if (this.sources.needsPolling) this.sources.poll();
    if (this.knotes.hasVanishing) this.sources.dropVanished();
  }

  /** Drain the epolls that were reported; false if there were none. */
  #drainReported(n: number): boolean {
    const { epolls, kernel } = this;
    if (this.#reported.length < n) this.#reported = new Int32Array(n);
    const reported = this.#reported;
    let drained = false;
    for (let i = 0; i < n; i++) reported[i] = kernel.epoll.low(i);
    for (let i = 0; i < n; i++) {
      const member = reported[i];
      if (member === OUTER_READY) {
        this.#readyFlag.reported();
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
    this.#readyFlag.update(this.knotes.pendingCount > 0);
    this.timers.arm();
  }

  /** Make the descriptor readable whatever is pending, or truthful again. */
  forceReadable(on: boolean): void {
    if (this.knotes.pendingCount === 0) this.#readyFlag.force(on);
  }

  /** Close everything but the queue's own descriptor. */
  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    for (const knote of this.knotes.all()) {
      knote.dropped = true;
      // Sources go with the epolls and with inotify.
      if (knote.source === null) knote.filter.detach(knote);
      else knote.source.descriptor.queue?.nesting.removeWatcher(knote);
    }
    this.nesting.close();
    this.sources.close();
    this.timers.close();
    this.epolls.close();
    this.#readyFlag.close();
  }
}
