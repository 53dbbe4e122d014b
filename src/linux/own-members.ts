import { DE } from './constants.js';
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

/** A member in the list of them. */
interface Listed {
  readonly member: OwnMember;
  /** How its descriptor is marked; 0 if it is not. */
  mark: number;
  index: number;
}

/** The members of one queue that are no sources. They are in its inner epoll. */
export class OwnMembers {
  readonly #queue: Queue;
  readonly #listed = new Map<OwnMember, Listed>();
  readonly #list: Listed[] = [];
  /** The index of the member to check next. */
  #next = 0;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** Begin to watch a descriptor. Returns a Darwin errno. */
  add(member: OwnMember, fd: number, bits: number): number {
    const { kernel, epolls } = this.#queue;
    const { epoll, identity, libc } = kernel;
    if (!epolls.ensure('inner')) return DE.EBADF;
    epolls.members.add(member, fd, bits);
    const { slot, generation } = member;
    if (epoll.put(epolls.inner, fd, bits, slot, generation) < 0) {
      const errno = lastErrno(libc);
      epolls.members.remove(member);
      return errno;
    }
    const isShared = member.holder !== undefined;
    this.#include(member, isShared ? 0 : identity.markMember(fd));
    return 0;
  }

  #include(member: OwnMember, mark: number): void {
    const known = this.#listed.get(member);
    if (known !== undefined) {
      known.mark = mark;
      return;
    }
    const listed = { member, mark, index: this.#list.length };
    this.#listed.set(member, listed);
    this.#list.push(listed);
  }

  /** Returns how the member is marked. */
  #exclude(member: OwnMember): number {
    const listed = this.#listed.get(member);
    if (listed === undefined) return 0;
    this.#listed.delete(member);
    // The last one takes its place.
    const last = this.#list.pop();
    if (last !== undefined && last !== listed) {
      this.#list[listed.index] = last;
      last.index = listed.index;
    }
    return listed.mark;
  }

  /** Remove a member. False if its descriptor is now another file. */
  remove(member: OwnMember, fd: number): boolean {
    const { kernel, epolls } = this.#queue;
    const { epoll, identity } = kernel;
    const mark = this.#exclude(member);
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
    for (const { member, mark } of this.#list) {
      if (!this.#isMarked(member, this.#fdOf(member), mark)) continue;
      const { fd, bits } = epolls.members.entryOf(member);
      const { slot, generation } = member;
      kernel.epoll.add(epolls.inner, fd, bits, slot, generation);
    }
    // The others get new descriptors.
    this.#next = 0;
    this.check(this.#list.length);
  }

  /**
   * Have members reopen descriptors that other code closed. One that gets no
   * descriptor now gets one at a later check.
   */
  check(count = CHECKED): void {
    const { identity } = this.#queue.kernel;
    // A member that is reopened moves to the end of the list.
    for (let left = Math.min(count, this.#list.length); left > 0; left--) {
      this.#next = this.#next > 0 ? this.#next - 1 : this.#list.length - 1;
      const listed = this.#list[this.#next];
      if (listed === undefined || this.isOpen(listed.member)) continue;
      // Without their epoll none can be reopened.
      if (!identity.isInnerEpoll(this.#queue, 'inner')) return;
      this.reopen(listed.member);
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
    if (!member.reopen()) this.#include(member, 0);
  }

  /** The same as {@link isOpen}, as far as it is known without the epoll. */
  #isMarked(member: OwnMember, fd: number, mark: number): boolean {
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
