import type { Libc } from '../ffi/index.js';
import { EPOLLIN, OUTER_INNER, OUTER_SIDE } from './constants.js';
import { Edges } from './edges.js';
import { lastErrno } from './errno.js';
import { type Member, Members } from './members.js';
import type { Queue } from './queue.js';
import { FdSource } from './source.js';

/** A bound on one drain, should edges come as fast as they are read. */
export const MAX_ROUNDS = 64;

/**
 * The epolls inside one queue's descriptor, in which everything it watches is
 * edge-triggered. A second one is for descriptors that are watched for reading
 * and writing: in one entry, edges of both could not be told apart.
 */
export class InnerEpolls {
  readonly #queue: Queue;
  readonly #libc: Libc;
  readonly members = new Members();
  readonly #edges = new Edges();
  readonly inner: number;
  /** The second one, or -1. */
  side = -1;

  constructor(queue: Queue, inner: number) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
    this.inner = inner;
  }

  /** Put the first into the outer epoll: -1 if that fails. */
  connect(): number {
    const { kernel, fd } = this.#queue;
    return kernel.epoll.add(fd, this.inner, EPOLLIN, OUTER_INNER, 0);
  }

  /** Those that are readable when the queue must poll its sources. */
  all(): readonly number[] {
    return this.side < 0 ? [this.inner] : [this.inner, this.side];
  }

  /** The second one, made when it is first needed: -errno if that fails. */
  openSide(): number {
    if (this.side >= 0) return this.side;
    const { kernel, fd, nesting } = this.#queue;
    const side = kernel.createEpoll();
    if (side < 0) return -lastErrno(this.#libc);
    const isReported = kernel.epoll.add(fd, side, EPOLLIN, OUTER_SIDE, 0) >= 0;
    // The queues above must wake for it too. Closing it takes it out of all.
    if (!isReported || nesting.publish(side) < 0) {
      const errno = lastErrno(this.#libc);
      this.#libc.close(side);
      return -errno;
    }
    this.side = side;
    return side;
  }

  /** Watch something besides the sources: a Darwin errno. */
  add(member: Member, fd: number, bits: number): number {
    this.members.add(member);
    const { slot, generation } = member;
    const { epoll } = this.#queue.kernel;
    if (epoll.add(this.inner, fd, bits, slot, generation) >= 0) return 0;
    const errno = lastErrno(this.#libc);
    this.members.remove(member);
    return errno;
  }

  /** Report what a member has left unread once more. */
  rearm({ slot, generation }: Member, fd: number, bits: number): void {
    const { epoll } = this.#queue.kernel;
    epoll.modify(this.inner, fd, bits, slot, generation);
  }

  remove(member: Member, fd: number): void {
    this.#queue.kernel.epoll.remove(this.inner, fd);
    this.members.remove(member);
  }

  /** Post the edges that one of the two reports. */
  drain(ep: number): void {
    const { epoll } = this.#queue.kernel;
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

  close(): void {
    for (const ep of this.all()) this.#libc.close(ep);
  }
}
