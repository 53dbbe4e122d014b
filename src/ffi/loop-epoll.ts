import { nextTick, queueMicrotask, setImmediate } from '../host/index.js';
import { backendFd } from './backend-fd.js';
import { exitsOfProcess } from './exits.js';
import { koffi } from './koffi.js';
import { bindLibc, type Libc } from './libc.js';
import type { Watch } from './loop.js';
import { areOneFile, COOKIE, identityOf } from './loop-identity.js';
import { intervalWatch } from './loop-interval.js';
import type { Member } from './loop-member.js';
import { type NativeBlock, nativeBlock } from './native-block.js';
import { runListener } from './run-listener.js';

// The event loop ends the process if the kernel refuses a descriptor that it
// wants to watch. Linux refuses an epoll that would give a file too many paths.
// So the loop gets one epoll, once, while that is empty. Queues are added with
// our own calls, which fail with an errno.

type PollHandle = ReturnType<ReturnType<typeof koffi>['node']['poll']>;

const CLOEXEC = 0x80000;
const EPOLLIN = 0x1;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const F_DUPFD_CLOEXEC = 1030;

/** The maximum number of ready queues that one poll of the epoll reports. */
const BATCH = 64;

/**
 * The number of the epoll is at least this, if the limit of descriptors allows
 * it. The reason: libuv finds its watchers by number, even if other code closed
 * the descriptor. A second watcher of a number ends the process, so a low
 * number is risky.
 */
const HIGH_FD = 768;

/** Node.js 26 and later run no promise callbacks after a native callback. */
const drainsPromises = Number.parseInt(process.versions.node, 10) < 25;

const nothing = (): void => {};

const members = new Map<number, Member>();
/**
 * Queues with waits. One whose wait has ended stays until the microtasks that
 * are queued have run, because most consumers wait again by then.
 */
const waiting = new Set<Member>();
/** The queue of the set, if there is only one. */
let only: Member | undefined;
let lastId = 0;
let epoll: LoopEpoll | undefined;

/** The epoll that the event loop watches, and the calls on it. */
interface LoopEpoll {
  /** Add a queue, or arm it again. False if the kernel refuses. */
  enter(member: Member): boolean;
  leave(member: Member): void;
  /** Whether the handle keeps the process alive. */
  reference(keepsAlive: boolean): void;
  /** Whether both numbers are still its own. */
  isSound(): boolean;
  close(): void;
}

/**
 * Add the epoll, while it is empty, to the event loop's own epoll. The loop
 * would do so at its next poll, and end the process if the kernel refuses,
 * because the epoll may hold queues by then. An entry that exists is only
 * modified, which is never refused.
 */
function addToLoop(libc: Libc, loop: number, fd: number): boolean {
  const { i32, address } = libc.scratch;
  const data = libc.epollEventSize === 12 ? 1 : 2;
  i32[0] = EPOLLIN;
  i32[data] = fd;
  i32[data + 1] = 0;
  return libc.epollCtl(loop, EPOLL_CTL_ADD, fd, address) === 0;
}

/** Returns `undefined` if the kernel or the event loop refuses it. */
function createLoopEpoll(): LoopEpoll | undefined {
  const libc = bindLibc();
  const fd = libc.epollCreate(CLOEXEC);
  if (fd < 0) return undefined;
  const high = libc.fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
  // The second number keeps the epoll open if other code closes the first.
  const other = high < 0 ? libc.fcntl(fd, F_DUPFD_CLOEXEC, 0) : high;
  const close = (): void => {
    libc.close(fd);
    if (other >= 0) libc.close(other);
  };
  const loop = backendFd();
  // Test first: a handle that cannot be made ends the process.
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
  // Making a handle removes it again.
  if (addToLoop(libc, loop, other)) {
    // Until the loop polls, a number that no longer is the epoll's would end
    // the process.
    queueMicrotask(() => nextTick(checkEpoll));
    return made;
  }
  made.close();
  return undefined;
}

/** Let the event loop watch an epoll by the first of its numbers. */
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
  const isOwn = identityOf(libc, fd);

  const onReadable = (status: unknown): void => {
    if (closed) return;
    const isFailure = typeof status === 'number' && status < 0;
    // The queue's own poll shows whether it is the one that is ready. If not,
    // take the next report from the epoll.
    if (!isFailure && only?.wasReady && only.armed && only.listener) wake(only);
    else look(isFailure ? -1 : libc.epollWait(fd, events.address, BATCH, 0));
    if (!drainsPromises) setImmediate(nothing);
  };

  /** Wake the waits on the queues that the epoll reports. */
  const look = (n: number): void => {
    const ready: Member[] = [];
    let isOurs = n >= 0;
    for (let i = 0; i < n; i++) {
      const at = i * stride + data;
      const member = members.get(events.i32[at]);
      // A closed queue is reported for ever while a duplicate of it is open.
      if (events.i32[at + 1] !== COOKIE || member === undefined) isOurs = false;
      else ready.push(member);
    }
    if (!isOurs) {
      replace();
      return;
    }
    // A queue whose mount table changed is ready for only one poll, which the
    // loop consumed. So every armed queue is polled.
    const woken = n > 0 ? ready : [...waiting];
    for (const member of woken) {
      if (member.listener !== undefined) wake(member);
      else if (member.armed) disarm(member);
    }
  };

  /** A queue is readable, and has no waits: stop reporting it. */
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
    isSound: () => isOneFile() && isOwn(fd),
    close() {
      if (closed) return;
      closed = true;
      exitsOfProcess().acts.delete(self.close);
      // Close the handle first: a handle whose descriptor is closed ends the
      // process.
      const own = [fd, spareFd].filter(isOwn);
      handle.close();
      for (const each of own) libc.close(each);
    },
  };
  // A handle that fires while the process is ending, when no JavaScript can
  // run, aborts it.
  exitsOfProcess().acts.add(self.close);
  return self;
}

/** Start again if other code closed a number of the epoll. */
function checkEpoll(): void {
  if (epoll?.isSound() === false) replace();
}

function wake(member: Member): void {
  member.wasReady = false;
  if (member.listener !== undefined) runListener(member.listener);
}

/** Add a queue to those with waits, or remove it. */
function setWaiting(member: Member, isWaiting: boolean): void {
  if (waiting.has(member) === isWaiting) return;
  if (isWaiting) waiting.add(member);
  else waiting.delete(member);
  only = waiting.size === 1 ? [...waiting][0] : undefined;
}

/** Let the event loop report a queue, or else poll it at intervals. */
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

/**
 * Other code took our number, or the loop failed: start again, without losing a
 * wait.
 */
function replace(): void {
  epoll?.close();
  epoll = undefined;
  for (const member of members.values()) {
    member.entered = false;
    member.armed = false;
  }
  for (const member of [...waiting]) {
    wake(member);
    // The queue is armed until the watch rests.
    if (member.listener !== undefined) arm(member);
  }
  updateReference();
}

const keepsLoopAlive = ({ listener, keepsAlive }: Member): boolean =>
  listener !== undefined && keepsAlive;

/** Whether any wait keeps the process alive. */
function haveReference(): boolean {
  if (only !== undefined) return keepsLoopAlive(only);
  for (const member of waiting) if (keepsLoopAlive(member)) return true;
  return false;
}

const updateReference = (): void => epoll?.reference(haveReference());

let isUpdateScheduled = false;

const settled = Promise.resolve();

/**
 * Forget the queues that rest, after the microtasks that are queued. It is done
 * for each event: a promise allocates less than queueMicrotask does.
 */
function scheduleUpdate(): void {
  if (isUpdateScheduled) return;
  isUpdateScheduled = true;
  settled.then(forgetResting);
}

function forgetResting(): void {
  isUpdateScheduled = false;
  if (only?.listener === undefined) {
    for (const member of waiting) {
      if (member.listener === undefined) setWaiting(member, false);
    }
  }
  updateReference();
}

/**
 * Remove all queues from the event loop, because they prevent a queue from
 * watching a descriptor: Linux counts the paths from a file to the outermost
 * epoll.
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

/** Watch again the queues that have waits. */
export function enterLoop(): void {
  for (const member of waiting) {
    if (member.listener !== undefined) arm(member);
  }
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
    member.wasReady = true;
    if (member.listener === undefined) return;
    member.listener = undefined;
    member.fallback.rest();
    scheduleUpdate();
  };

  return {
    start(listener, keepsAlive) {
      if (closed || exitsOfProcess().exiting) return;
      const isWaiting = member.listener !== undefined;
      member.listener = listener;
      if (isWaiting && member.armed && member.keepsAlive === keepsAlive) return;
      member.keepsAlive = keepsAlive;
      setWaiting(member, true);
      arm(member);
      if (keepsAlive) epoll?.reference(true);
      else updateReference();
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
      setWaiting(member, false);
      members.delete(member.id);
      if (member.entered) epoll?.leave(member);
      member.armed = false;
      if (members.size > 0) return;
      epoll?.close();
      epoll = undefined;
    },
  };
}
