import { nextTick, queueMicrotask, setImmediate } from '../host/index.js';
import { backendFd } from './backend-fd.js';
import { exitsOfProcess } from './exits.js';
import { koffi } from './koffi.js';
import { bindLibc, type Libc } from './libc.js';
import type { Watch } from './loop.js';
import { areOneFile, COOKIE, holdsQueues } from './loop-identity.js';
import { intervalWatch } from './loop-interval.js';
import type { Member } from './loop-member.js';
import { type NativeBlock, nativeBlock } from './native-block.js';
import { runListener } from './run-listener.js';

// The event loop ends the process when the kernel refuses what it wants to watch,
// and Linux refuses an epoll through which one file would have too many ways. So
// the loop is given one epoll, while that is empty, and never again. Queues are
// put into it by calls of ours, whose refusal is an errno.

type PollHandle = ReturnType<ReturnType<typeof koffi>['node']['poll']>;

const CLOEXEC = 0x80000;
const EPOLLIN = 0x1;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const F_DUPFD_CLOEXEC = 1030;

/** How many ready queues one look at the epoll reports. */
const BATCH = 64;

/**
 * The epoll has a number as high as this, if the process may have so many. libuv
 * keeps its watchers by number, also those whose descriptor was closed behind its
 * back, and a second watcher of a number ends the process.
 */
const HIGH_FD = 768;

/** From Node 26 on, promises are not run after a native callback. */
const drainsPromises = Number.parseInt(process.versions.node, 10) < 25;

const nothing = (): void => {};

const members = new Map<number, Member>();
const waiting = new Set<Member>();
let lastId = 0;
let epoll: LoopEpoll | undefined;

/** The epoll that the event loop watches, with the calls on it. */
interface LoopEpoll {
  /** Put a queue into it, or arm it again: false if the kernel refuses. */
  enter(member: Member): boolean;
  leave(member: Member): void;
  /** Whether the handle keeps the process alive. */
  reference(keepsAlive: boolean): void;
  /** Whether both of its numbers are its own still. */
  isSound(): boolean;
  close(): void;
}

/**
 * Add the epoll, which is empty still, to the event loop's own. The loop would do
 * so when it polls next, and end the process if the kernel refused: too late, as
 * the epoll may hold queues by then. What is there already the loop only modifies,
 * which is never refused.
 */
function addToLoop(libc: Libc, loop: number, fd: number): boolean {
  const { i32, address } = libc.scratch;
  const data = libc.epollEventSize === 12 ? 1 : 2;
  i32[0] = EPOLLIN;
  i32[data] = fd;
  i32[data + 1] = 0;
  return libc.epollCtl(loop, EPOLL_CTL_ADD, fd, address) === 0;
}

/** `undefined` if the kernel, or the event loop, has no room for it. */
function createLoopEpoll(): LoopEpoll | undefined {
  const libc = bindLibc();
  const fd = libc.epollCreate(CLOEXEC);
  if (fd < 0) return undefined;
  const high = libc.fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
  // With a second number the epoll outlives a close of the first by others.
  const other = high < 0 ? libc.fcntl(fd, F_DUPFD_CLOEXEC, 0) : high;
  const close = (): void => {
    libc.close(fd);
    if (other >= 0) libc.close(other);
  };
  const loop = backendFd();
  // A handle that cannot be made ends the process, so it is tried before.
  if (loop < 0 || other < 0 || !addToLoop(libc, loop, other)) {
    close();
    return undefined;
  }
  let made: LoopEpoll;
  try {
    made = watchEpoll(libc, other, fd);
  } catch {
    close();
    return undefined;
  }
  // To make a handle takes it out again.
  if (addToLoop(libc, loop, other)) {
    // Until the loop polls, a number that is not the epoll's any more would
    // end the process.
    queueMicrotask(() => nextTick(checkEpoll));
    return made;
  }
  made.close();
  return undefined;
}

/** Have the event loop watch an epoll by the first of its numbers. */
function watchEpoll(libc: Libc, fd: number, spareFd: number): LoopEpoll {
  const stride = libc.epollEventSize >> 2;
  const data = libc.epollEventSize === 12 ? 1 : 2;
  const events: NativeBlock = nativeBlock(BATCH * libc.epollEventSize);
  let keepsAlive = true;
  let closed = false;

  const control = (
    op: number,
    { fd: queue, id }: Member,
    bits = EPOLLIN,
  ): number => {
    const { i32, address } = libc.scratch;
    i32[0] = bits;
    i32[data] = id;
    i32[data + 1] = COOKIE;
    return libc.epollCtl(fd, op, queue, address);
  };

  const isOneFile = (): boolean => areOneFile(libc, fd, spareFd);

  const onReadable = (status: unknown): void => {
    if (closed) return;
    const isFailure = typeof status === 'number' && status < 0;
    const only = waiting.size === 1 ? firstOf(waiting) : undefined;
    // Its own poll tells whether it is the one that is ready. If it was not,
    // the next report is taken from the epoll.
    if (!isFailure && only?.wasReady && only.armed) wake(only);
    else look(isFailure ? -1 : libc.epollWait(fd, events.address, BATCH, 0));
    if (!drainsPromises) setImmediate(nothing);
  };

  /** Wake who waits for what the epoll reports. */
  const look = (n: number): void => {
    const ready: Member[] = [];
    let isOurs = n >= 0;
    for (let i = 0; i < n; i++) {
      const at = i * stride + data;
      const member = members.get(events.i32[at]);
      // A queue that is gone is reported for ever while a dup of it is open.
      if (events.i32[at + 1] !== COOKIE || member === undefined) isOurs = false;
      else ready.push(member);
    }
    if (!isOurs) {
      replace();
      return;
    }
    // A queue whose mount table has changed is ready for one poll only: that
    // of the loop. So whoever is armed looks.
    const woken = n > 0 ? ready : [...waiting];
    for (const member of woken) {
      if (member.listener !== undefined) wake(member);
      else if (member.armed) disarm(member);
    }
  };

  /** A queue is readable, and nobody waits for it: report it no more. */
  const disarm = (member: Member): void => {
    if (control(EPOLL_CTL_MOD, member, 0) === 0) member.armed = false;
    else replace();
  };

  const handle: PollHandle = koffi().node.poll(
    fd,
    { readable: true },
    onReadable,
  );

  const self: LoopEpoll = {
    enter(member) {
      if (member.entered && control(EPOLL_CTL_MOD, member) === 0) return true;
      if (!isOneFile()) return false;
      return (
        control(EPOLL_CTL_ADD, member) === 0 ||
        control(EPOLL_CTL_MOD, member) === 0
      );
    },
    leave(member) {
      control(EPOLL_CTL_DEL, member);
    },
    reference(wanted) {
      if (closed || wanted === keepsAlive) return;
      keepsAlive = wanted;
      if (wanted) handle.ref();
      else handle.unref();
    },
    isSound() {
      const holdsAny = [...members.values()].some(({ entered }) => entered);
      return isOneFile() && (!holdsAny || holdsQueues(fd));
    },
    close() {
      if (closed) return;
      closed = true;
      exitsOfProcess().acts.delete(self.close);
      // The handle first: a descriptor closed under it ends the process.
      const own = [fd, spareFd].filter(
        self.isSound() ? () => true : holdsQueues,
      );
      handle.close();
      for (const each of own) libc.close(each);
    },
  };
  // A handle that fires while the process is taken down, when no JavaScript can
  // run any more, aborts it.
  exitsOfProcess().acts.add(self.close);
  return self;
}

/** Begin anew if other code has closed a number of the epoll. */
function checkEpoll(): void {
  if (epoll?.isSound() === false) replace();
}

function wake(member: Member): void {
  member.wasReady = false;
  if (member.listener !== undefined) runListener(member.listener);
}

const firstOf = <T>(values: Iterable<T>): T | undefined => {
  for (const value of values) return value;
  return undefined;
};

/** Have the event loop report a queue, or look at it in intervals. */
function arm(member: Member): void {
  if (member.armed) return;
  epoll ??= createLoopEpoll();
  if (epoll?.enter(member)) {
    member.entered = true;
    member.armed = true;
    member.fallback.rest();
    return;
  }
  member.entered = false;
  const { listener } = member;
  if (listener !== undefined)
    member.fallback.start(listener, member.keepsAlive);
}

/** Somebody took our number, or the loop failed: begin anew, and lose nothing. */
function replace(): void {
  epoll?.close();
  epoll = undefined;
  for (const member of members.values()) {
    member.entered = false;
    member.armed = false;
  }
  for (const member of [...waiting]) {
    wake(member);
    // It waits until it rests.
    if (waiting.has(member)) arm(member);
  }
  updateReference();
}

function updateReference(): void {
  let keepsAlive = false;
  for (const member of waiting) {
    keepsAlive = member.keepsAlive;
    if (keepsAlive) break;
  }
  epoll?.reference(keepsAlive);
}

let isUpdateScheduled = false;

/** Later: whoever was served mostly waits again by then. */
function scheduleReference(): void {
  if (isUpdateScheduled) return;
  isUpdateScheduled = true;
  queueMicrotask(() => {
    isUpdateScheduled = false;
    updateReference();
  });
}

/**
 * Take all queues out of the event loop, as they are in the way of a descriptor
 * that the kernel will not let a queue watch: Linux counts the ways from a file
 * to the outermost epoll.
 *
 * @returns Whether there was any. {@link enterLoop} lets them in again, as far
 * as they fit.
 */
export function leaveLoop(): boolean {
  let left = false;
  for (const member of members.values()) {
    if (!member.entered) continue;
    epoll?.leave(member);
    member.entered = false;
    member.armed = false;
    left = true;
  }
  return left;
}

/** Watch again what somebody waits for. */
export function enterLoop(): void {
  for (const member of waiting) arm(member);
}

/** Watch a queue through the one epoll that the event loop watches. */
export function epollWatch(fd: number): Watch {
  const member: Member = {
    id: ++lastId,
    fd,
    entered: false,
    armed: false,
    wasReady: false,
    listener: undefined,
    keepsAlive: true,
    fallback: intervalWatch(),
  };
  let closed = false;
  members.set(member.id, member);

  const rest = (): void => {
    member.listener = undefined;
    member.wasReady = true;
    member.fallback.rest();
    if (waiting.delete(member)) scheduleReference();
  };

  return {
    start(listener, keepsAlive) {
      if (closed || exitsOfProcess().exiting) return;
      const isWaiting = member.listener !== undefined;
      member.listener = listener;
      if (isWaiting && member.armed && member.keepsAlive === keepsAlive) return;
      member.keepsAlive = keepsAlive;
      waiting.add(member);
      arm(member);
      updateReference();
    },
    rest,
    check: checkEpoll,
    reference(keepsAlive) {
      member.keepsAlive = keepsAlive;
      member.fallback.reference(keepsAlive);
      updateReference();
    },
    close() {
      if (closed) return;
      closed = true;
      rest();
      members.delete(member.id);
      if (member.entered) epoll?.leave(member);
      member.armed = false;
      if (members.size > 0) return;
      epoll?.close();
      epoll = undefined;
    },
  };
}
