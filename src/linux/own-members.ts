import { lastErrno } from './errno.js';
import type { Member } from './members.js';
import type { Queue } from './queue.js';

/** A member with a descriptor that the library opened. */
export interface OwnMember extends Member {
  /** The owner of the descriptor, if members of several queues share it. */
  readonly holder?: object;
  /**
   * Other code closed the descriptor: get another. Returns false if there is
   * none now.
   */
  reopen(): boolean;
}

/** How many members one check of a queue checks. */
const CHECKED = 64;

/** The members of one queue that are no sources. They are in its inner epoll. */
export class OwnMembers {
  readonly #queue: Queue;
  /**
   * How each is marked; 0 if it has no mark. Those that were not checked for the
   * longest time come first.
   */
  readonly #marks = new Map<OwnMember, number>();

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Begin to watch a descriptor. Returns a Darwin errno. */
  add(member: OwnMember, fd: number, bits: number): number {
    const { kernel, epolls } = this.#queue;
    const { epoll, identity, libc } = kernel;
    epolls.ensure(epolls.inner);
    epolls.members.add(member, fd, bits);
    const { slot, generation } = member;
    if (epoll.add(epolls.inner, fd, bits, slot, generation) < 0) {
      const errno = lastErrno(libc);
      epolls.members.remove(member);
      return errno;
    }
    const isShared = member.holder !== undefined;
    this.#marks.set(member, isShared ? 0 : identity.markMember(fd));
    return 0;
  }

  /** Remove a member. False if its descriptor is now another file. */
  remove(member: OwnMember, fd: number): boolean {
    const { kernel, epolls } = this.#queue;
    const { epoll, identity } = kernel;
    const mark = this.#marks.get(member);
    this.#marks.delete(member);
    epolls.members.remove(member);
    // Another part has the number.
    if (!identity.isHeld(fd, holderOf(member))) return false;
    const { inner } = epolls;
    const isRemoved =
      (epolls.isHeld(inner) && epoll.remove(inner, fd) >= 0) ||
      // It could not be removed, and is still an entry.
      identity.isMember(this.#queue, fd) ||
      // Its proof is lost together with its epoll.
      (!identity.isInnerEpoll(this.#queue, 'inner') &&
        this.#isMarked(member, fd, mark));
    identity.release(fd, member);
    return isRemoved;
  }

  /** The inner epoll was replaced. */
  refill(): void {
    const { kernel, epolls } = this.#queue;
    for (const [member, mark] of this.#marks) {
      if (!this.#isMarked(member, this.#fdOf(member), mark)) continue;
      const { fd, bits } = epolls.members.entryOf(member);
      const { slot, generation } = member;
      kernel.epoll.add(epolls.inner, fd, bits, slot, generation);
    }
    // The others get new descriptors.
    this.check(this.#marks.size);
  }

  /**
   * Have members reopen descriptors that other code closed. One that gets no
   * descriptor now gets one at a later check.
   */
  check(count = CHECKED): void {
    const { identity } = this.#queue.kernel;
    let left = Math.min(count, this.#marks.size);
    for (const [member, mark] of this.#marks) {
      if (left-- === 0) return;
      if (this.isOpen(member)) {
        this.#marks.delete(member);
        this.#marks.set(member, mark);
        continue;
      }
      // Without their epoll none can be reopened.
      if (!identity.isInnerEpoll(this.#queue, 'inner')) return;
      this.reopen(member);
    }
  }

  /** Whether the descriptor of a member is still its own. */
  isOpen(member: OwnMember): boolean {
    const { identity } = this.#queue.kernel;
    const fd = this.#fdOf(member);
    return (
      identity.isHeld(fd, holderOf(member)) &&
      identity.isMember(this.#queue, fd)
    );
  }

  /** Other code closed the descriptor of a member. */
  reopen(member: OwnMember): void {
    // Try again at the next check.
    if (!member.reopen()) this.#marks.set(member, 0);
  }

  /** The same as {@link isOpen}, as far as it is known without the epoll. */
  #isMarked(member: OwnMember, fd: number, mark = 0): boolean {
    const { identity } = this.#queue.kernel;
    return (
      mark > 0 && identity.isHeld(fd, member) && identity.isMarked(fd, mark)
    );
  }

  /** The descriptor of a member; -1 if it could not be opened again. */
  #fdOf(member: OwnMember): number {
    const { members } = this.#queue.epolls;
    const { slot, generation } = member;
    const isEntry = members.find(slot, generation) === member;
    return isEntry ? members.entryOf(member).fd : -1;
  }
}

const holderOf = (member: OwnMember): object => member.holder ?? member;
