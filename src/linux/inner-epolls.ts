import type { Libc } from '../ffi/index.js';
import {
  DE,
  EPOLLIN,
  OUTER_INNER,
  OUTER_READY,
  OUTER_SIDE,
} from './constants.js';
import { Edges } from './edges.js';
import { LINUX_EINVAL, lastErrno } from './errno.js';
import { MARKS } from './identity.js';
import { type Member, Members } from './members.js';
import { OwnMembers } from './own-members.js';
import type { Queue } from './queue.js';
import { newToken } from './ready-flag.js';
import { FdSource, HOME, SIDE } from './source.js';

/** The events by which the queue's own epoll reports each. */
const OUTER = { inner: OUTER_INNER, side: OUTER_SIDE } as const;
type Inner = keyof typeof OUTER;

/**
 * The maximum number of reads in one drain, in case edges arrive as fast as
 * they are read.
 */
export const MAX_ROUNDS = 64;

/**
 * The epolls inside one queue's descriptor, in which all entries are
 * edge-triggered. The second one is for descriptors that are watched for
 * reading and for writing: one entry could not distinguish the edges of both.
 *
 * They are needed only then, for members that are no sources, and where a queue
 * watches another. Before that a queue is direct: its own epoll has its sources,
 * which saves one level and one system call. The inner epoll then only proves
 * which queue the eventfd and the descriptor belong to.
 */
export class InnerEpolls {
  readonly #queue: Queue;
  readonly #libc: Libc;
  /** Generations begin at random, so that they tell queues apart. */
  readonly members = new Members(newToken());
  /** The members that are no sources. */
  readonly others: OwnMembers;
  readonly #edges = new Edges();
  /** How these and the queue's own are marked; 0 if that was refused. */
  readonly marks = { own: 0, inner: 0, side: 0 };
  readonly #holders: Readonly<Record<Inner, object>> = { inner: {}, side: {} };
  inner: number;
  /** The second epoll, or -1. */
  side = -1;
  /** The queue's own epoll has the sources. */
  isDirect = true;

  constructor(queue: Queue, inner: number) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
    this.others = new OwnMembers(queue);
    this.inner = inner;
  }

  /** Add the first epoll to the outer epoll: -1 if that fails. */
  connect(): number {
    this.#own(this.inner, 'inner');
    return this.#connect(this.inner, 'inner');
  }

  #own(ep: number, name: Inner): void {
    this.#queue.own(ep, this.#holders[name]);
    this.marks[name] = this.#queue.kernel.identity.mark(ep, MARKS[name]);
  }

  /** Whether the kernel has opened nothing at the number of an epoll since. */
  isHeld(ep: number): boolean {
    const { identity } = this.#queue.kernel;
    const { inner, side } = this.#holders;
    return (
      (ep === this.inner && identity.isHeld(ep, inner)) ||
      (ep === this.side && identity.isHeld(ep, side))
    );
  }

  /**
   * Add an epoll to the outer epoll, and the eventfd, which proves its
   * identity, to it.
   */
  #connect(ep: number, name: Inner): number {
    const { kernel, fd, token } = this.#queue;
    if (kernel.epoll.add(fd, ep, EPOLLIN, OUTER[name], token) < 0) return -1;
    return this.#addEventfd(ep);
  }

  #addEventfd(ep: number): number {
    const { kernel, token, readyFlag } = this.#queue;
    return kernel.epoll.add(ep, readyFlag.eventfd, 0, OUTER_READY, token);
  }

  /** The eventfd was replaced. */
  reconnect(): void {
    const { kernel, fd } = this.#queue;
    for (const ep of this.all()) {
      // Its number may be another epoll.
      const isOpen = this.isHeld(ep) && kernel.epoll.has(fd, ep);
      if (isOpen) this.#addEventfd(ep);
    }
  }

  /** The epolls that are readable if the queue must poll its sources. */
  all(): readonly number[] {
    return this.side < 0 ? [this.inner] : [this.inner, this.side];
  }

  /** Those that other code has not closed. */
  allOpen(): readonly number[] {
    const { identity } = this.#queue.kernel;
    const names: readonly Inner[] =
      this.side < 0 ? ['inner'] : ['inner', 'side'];
    return names
      .filter((name) => identity.isInnerEpoll(this.#queue, name))
      .map((name) => this[name]);
  }

  /** The same, after those that other code closed were replaced. */
  allRepaired(): readonly number[] {
    const open = this.allOpen();
    const isWhole = open.length === this.all().length;
    return isWhole || !this.#queue.repairs.repair() ? open : this.allOpen();
  }

  /** The epoll of a place of sources. */
  epollAt(place: number): number {
    if (place === SIDE) return this.side;
    return this.isDirect ? this.#queue.fd : this.inner;
  }

  /**
   * Move the sources into the inner epoll. No edge is lost, because both epolls
   * have the sources for a while, and none is posted twice. Returns a Darwin
   * errno.
   */
  useInner(): number {
    if (!this.isDirect) return 0;
    const errno = this.members.size === 0 ? 0 : this.#moveInside();
    if (errno === 0) this.isDirect = false;
    return errno;
  }

  #moveInside(): number {
    const queue = this.#queue;
    const { epoll, identity } = queue.kernel;
    if (!queue.repairs.repair()) return DE.EBADF;
    const moved: number[] = [];
    for (const member of this.members.all()) {
      // One that other code closed stays, and is found to be stale later.
      if (!(member instanceof FdSource) || !identity.isCurrent(member))
        continue;
      const { fd, bits } = this.members.entryOf(member);
      const { slot, generation } = member;
      if (epoll.add(this.inner, fd, bits, slot, generation) < 0) {
        const isFull = this.#libc.errno() === LINUX_EINVAL;
        const errno = isFull ? DE.ENOMEM : lastErrno(this.#libc);
        for (const added of moved) epoll.remove(this.inner, added);
        return errno;
      }
      moved.push(fd);
    }
    // First edges mean nothing. Edges from before, and those that come
    // meanwhile, are reported by the queue's own epoll.
    const rounds = MAX_ROUNDS + Math.ceil(moved.length / epoll.maxEvents);
    for (let round = 0; round < rounds; round++) {
      if (epoll.poll(this.inner) < epoll.maxEvents) break;
    }
    queue.reports.poll();
    for (const fd of moved) epoll.remove(queue.fd, fd);
    queue.hasFirstEdges = true;
    return 0;
  }

  /**
   * The epoll of a place of sources: made when it is first needed, and replaced
   * if other code closed it. Returns -errno if that fails.
   */
  open(place: number): number {
    if (place === SIDE && this.side < 0) {
      const ep = this.#open('side');
      if (ep >= 0) this.side = ep;
      return ep;
    }
    const isOpen =
      this.isDirect || this.ensure(place === SIDE ? 'side' : 'inner');
    return isOpen ? this.epollAt(place) : -DE.EBADF;
  }

  /** Make an epoll that has the queue's eventfd: -errno if that fails. */
  #open(name: Inner): number {
    const { kernel, nesting } = this.#queue;
    const ep = kernel.createEpoll();
    if (ep < 0) return -lastErrno(this.#libc);
    this.#own(ep, name);
    // The queues above must wake for it too. Closing it removes it from all.
    const isConnected = this.#connect(ep, name) >= 0;
    const errno = isConnected ? nesting.publish(ep) : lastErrno(this.#libc);
    if (errno === 0) return ep;
    kernel.identity.release(ep, this.#holders[name]);
    this.#libc.close(ep);
    return -errno;
  }

  /**
   * Replace the parts that other code closed, if an epoll seems closed. False if
   * the queue's own was closed.
   */
  ensure(name: Inner): boolean {
    const queue = this.#queue;
    const { identity } = queue.kernel;
    // Both may be parts of a queue of another copy of this package.
    const isOpen =
      identity.mayBe(queue, name) &&
      identity.hasEventfd(queue, queue.fd) &&
      identity.hasEventfd(queue, this[name]);
    return isOpen || queue.repairs.repair();
  }

  /**
   * Replace epolls that other code closed, while the queue's own is open. One
   * that cannot be replaced now is replaced at a later call.
   */
  repair(): void {
    const { identity } = this.#queue.kernel;
    if (!identity.isInnerEpoll(this.#queue, 'inner')) this.#replace('inner');
    if (this.side < 0) return;
    if (!identity.isInnerEpoll(this.#queue, 'side')) this.#replace('side');
  }

  #replace(name: Inner): void {
    const queue = this.#queue;
    const { identity } = queue.kernel;
    const dup = identity.dupInnerEpoll(queue, name);
    const ep = dup < 0 ? this.#open(name) : dup;
    if (ep < 0) return;
    // The new epoll may have the number of the old one.
    if (ep !== this[name]) identity.release(this[name], this.#holders[name]);
    this[name] = ep;
    queue.hasFirstEdges = true;
    if (dup < 0) {
      this.#refill(name);
      return;
    }
    this.#own(ep, name);
    // The queue's own epoll, and those above, have it by its old number only.
    queue.kernel.epoll.add(queue.fd, ep, EPOLLIN, OUTER[name], queue.token);
    this.#addEventfd(ep);
    queue.nesting.publish(ep);
  }

  /** Add the members to an epoll that was replaced. */
  #refill(name: Inner): void {
    const { epoll, probe } = this.#queue.kernel;
    const place = name === 'inner' ? HOME : SIDE;
    for (const member of this.isDirect ? [] : this.members.all()) {
      if (!(member instanceof FdSource) || member.place !== place) continue;
      const { fd, bits } = this.members.entryOf(member);
      if (!probe.isOpenOn(fd, member.descriptor)) continue;
      epoll.add(this[name], fd, bits, member.slot, member.generation);
    }
    if (name === 'inner') this.others.refill();
  }

  /** Report again what a member has left unread. */
  rearm({ slot, generation }: Member, fd: number, bits: number): void {
    const { epoll } = this.#queue.kernel;
    epoll.modify(this.inner, fd, bits, slot, generation);
  }

  /**
   * Post the edges that one of the two epolls reports. False if it was closed.
   */
  drain(name: Inner): boolean {
    const { epoll, identity } = this.#queue.kernel;
    const ep = this[name];
    if (!this.isHeld(ep)) return false;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const n = epoll.poll(ep);
      if (n < 0) return false;
      // Another epoll has the number, unless one of the events is of a member.
      const isProof = this.post(n) || round > 0;
      if (!isProof && !identity.isInnerEpoll(this.#queue, name)) {
        epoll.rearm(ep, n);
        return false;
      }
      if (n < epoll.maxEvents) break;
    }
    return true;
  }

  /**
   * Post the edges of the last `n` events that an epoll reported. False if none
   * of them is of a member.
   */
  post(n: number): boolean {
    const { epoll } = this.#queue.kernel;
    const edges = this.#edges;
    let hasMembers = false;
    for (let i = 0; i < n; i++) {
      const member = this.members.find(epoll.low(i), epoll.high(i));
      if (member !== null) hasMembers = true;
      if (member instanceof FdSource) {
        edges.add(member, epoll.bits(i));
      } else if (member !== null) {
        edges.post();
        member.edge(epoll.bits(i));
      }
    }
    edges.post();
    return hasMembers;
  }

  /**
   * Release the numbers that are now other files. `hasEventfd` if the eventfd,
   * which proves the epolls, is still open.
   */
  releaseLost(hasEventfd: boolean): void {
    const { identity } = this.#queue.kernel;
    for (const name of ['side', 'inner'] as const) {
      const isOpen = hasEventfd
        ? identity.isInnerEpoll(this.#queue, name)
        : identity.isMarkedInner(this.#queue, name);
      if (!isOpen) this.release(name);
    }
  }

  /** Close the epolls that were not released. */
  close(): void {
    this.#queue.kernel.identity.releaseMark(this.marks.own);
    for (const name of ['side', 'inner'] as const) {
      const ep = this[name];
      if (this.isHeld(ep)) this.#libc.close(ep);
      this.release(name);
    }
  }

  /** The kernel owns the number of an epoll no longer. */
  release(name: Inner): void {
    const { identity } = this.#queue.kernel;
    identity.release(this[name], this.#holders[name]);
  }
}
