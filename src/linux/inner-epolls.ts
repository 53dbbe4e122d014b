import type { Libc } from '../ffi/index.js';
import { DE, EPOLLIN, OUTER_INNER, OUTER_SIDE } from './constants.js';
import { Edges } from './edges.js';
import { LINUX_EINVAL, lastErrno } from './errno.js';
import { type Member, Members } from './members.js';
import type { Queue } from './queue.js';
import { newToken } from './ready-flag.js';
import { FdSource, HOME, SIDE } from './source.js';
import { pathOf } from './vnode-hints.js';

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
  readonly #edges = new Edges();
  inner: number;
  /** The second epoll, or -1. */
  side = -1;
  /** The queue's own epoll has the sources. */
  isDirect = true;

  constructor(queue: Queue, inner: number) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
    this.inner = inner;
  }

  /** Add the first epoll to the outer epoll: -1 if that fails. */
  connect(): number {
    return this.#connect(this.inner, OUTER_INNER);
  }

  /**
   * Add an epoll to the outer epoll, and the eventfd, which proves its
   * identity, to it.
   */
  #connect(ep: number, low: number): number {
    const { kernel, fd, token, readyFlag } = this.#queue;
    const { epoll } = kernel;
    if (epoll.add(fd, ep, EPOLLIN, low, token) < 0) return -1;
    return epoll.add(ep, readyFlag.eventfd, 0, -1, 0);
  }

  /** The eventfd was replaced. */
  reconnect(): void {
    const { kernel, readyFlag } = this.#queue;
    for (const ep of this.all()) {
      kernel.epoll.add(ep, readyFlag.eventfd, 0, -1, 0);
    }
  }

  /** The epolls that are readable if the queue must poll its sources. */
  all(): readonly number[] {
    return this.side < 0 ? [this.inner] : [this.inner, this.side];
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
    if (!identity.isQueue(queue, queue.fd)) return DE.EBADF;
    this.repair();
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
   * The second epoll, which is made when it is first needed: -errno if that
   * fails.
   */
  openSide(): number {
    if (this.side >= 0) return this.side;
    const ep = this.#open(OUTER_SIDE);
    if (ep >= 0) this.side = ep;
    return ep;
  }

  /** Make an epoll that has the queue's eventfd: -errno if that fails. */
  #open(low: number): number {
    const { kernel, nesting } = this.#queue;
    const ep = kernel.createEpoll();
    if (ep < 0) return -lastErrno(this.#libc);
    kernel.own(ep, this.#queue);
    kernel.identity.mark(ep);
    // The queues above must wake for it too. Closing it removes it from all.
    if (this.#connect(ep, low) >= 0 && nesting.publish(ep) >= 0) return ep;
    const errno = lastErrno(this.#libc);
    kernel.identity.release(ep, this.#queue);
    this.#libc.close(ep);
    return -errno;
  }

  /** Replace epolls that other code closed. Returns whether any was. */
  repair(): boolean {
    const { inner, side } = this;
    const isInnerLost = this.#isLost(inner);
    if (isInnerLost) this.#replace(inner, OUTER_INNER);
    const isSideLost = side >= 0 && this.#isLost(side);
    if (isSideLost) this.#replace(side, OUTER_SIDE);
    return isInnerLost || isSideLost;
  }

  #isLost(ep: number): boolean {
    const { identity } = this.#queue.kernel;
    if (identity.isInnerEpoll(this.#queue, ep)) return false;
    return identity.isQueue(this.#queue, this.#queue.fd);
  }

  #replace(old: number, low: number): void {
    const queue = this.#queue;
    const { epoll, identity, probe } = queue.kernel;
    // The new epoll may get the number of the old one.
    identity.release(old, queue);
    const ep = this.#open(low);
    if (ep < 0) return;
    if (low === OUTER_INNER) this.inner = ep;
    else this.side = ep;
    queue.hasFirstEdges = true;
    const place = low === OUTER_INNER ? HOME : SIDE;
    for (const member of this.members.all()) {
      const { fd, bits } = this.members.entryOf(member);
      const isSource = member instanceof FdSource;
      if (isSource && (this.isDirect || member.place !== place)) continue;
      if (!isSource && low !== OUTER_INNER) continue;
      const isOpen = isSource
        ? probe.isOpenOn(fd, member.descriptor)
        : identity.isHeld(fd, member) && isAnonymous(fd);
      if (isOpen) epoll.add(ep, fd, bits, member.slot, member.generation);
      else if (!isSource) member.reopen?.();
    }
  }

  /** Add an entry that is not a source. Returns a Darwin errno. */
  add(member: Member, fd: number, bits: number): number {
    this.members.add(member, fd, bits);
    const { slot, generation } = member;
    const { epoll } = this.#queue.kernel;
    if (epoll.add(this.inner, fd, bits, slot, generation) >= 0) return 0;
    const errno = lastErrno(this.#libc);
    this.members.remove(member);
    return errno;
  }

  /** Report again what a member has left unread. */
  rearm({ slot, generation }: Member, fd: number, bits: number): void {
    const { epoll } = this.#queue.kernel;
    epoll.modify(this.inner, fd, bits, slot, generation);
  }

  /** Remove a member. False if its descriptor is now another file. */
  remove(member: Member, fd: number): boolean {
    const { epoll, identity } = this.#queue.kernel;
    const remove = () =>
      identity.isHeld(this.inner, this.#queue) &&
      epoll.remove(this.inner, fd) >= 0;
    const isRemoved =
      remove() ||
      (this.repair() && remove()) ||
      // It could not be removed, and is still an entry.
      identity.isMember(this.#queue, fd) ||
      // Its proof is lost together with its epoll and the queue's descriptor.
      (!identity.isInnerEpoll(this.#queue, this.inner) &&
        identity.isHeld(fd, member) &&
        isAnonymous(fd));
    this.members.remove(member);
    identity.release(fd, member);
    return isRemoved;
  }

  /** Post the edges that one of the two epolls reports. */
  drain(ep: number): void {
    const { epoll } = this.#queue.kernel;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const n = epoll.poll(ep);
      this.post(n);
      if (n < epoll.maxEvents) return;
    }
  }

  /** Post the edges of the last `n` events that an epoll reported. */
  post(n: number): void {
    const { epoll } = this.#queue.kernel;
    const edges = this.#edges;
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
  }

  /** Close the epolls, unless their descriptors are now other files. */
  close(): void {
    const { identity } = this.#queue.kernel;
    for (const ep of this.all()) {
      const isOpen =
        identity.isInnerEpoll(this.#queue, ep) ||
        (identity.isHeld(ep, this.#queue) && identity.isMarked(ep));
      if (isOpen) this.#libc.close(ep);
      identity.release(ep, this.#queue);
    }
  }
}

/** Whether a descriptor is of a kind that can be a member. */
const isAnonymous = (fd: number): boolean =>
  /^anon_inode:(\[timerfd]|\[eventfd]|inotify|\[pidfd])|^pidfd:|mountinfo$/.test(
    pathOf(fd) ?? '',
  );
