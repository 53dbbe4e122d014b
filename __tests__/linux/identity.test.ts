// Whether a descriptor still is the file that it was: a wrong yes reports the
// events of a stranger's file, a wrong no loses those of one's own.
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc } from '../../src/ffi/libc.js';
import { identityOf as loopIdentityOf } from '../../src/ffi/loop-identity.js';
import {
  EV_ADD,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  KeventList,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { CLOEXEC, EPOLLET, EPOLLIN } from '../../src/linux/constants.js';
import { accessOf } from '../../src/linux/descriptor.js';
import { Epoll, entriesOf } from '../../src/linux/epoll.js';
import { Identity } from '../../src/linux/identity.js';
import { LinuxKernel } from '../../src/linux/kernel.js';
import { Members } from '../../src/linux/members.js';
import { isSameInode, Probe } from '../../src/linux/probe.js';
import * as libc from '../conformance/libc.js';
import {
  adopt,
  dispose,
  dup,
  dup2,
  forget,
  kqueue,
  pipe,
} from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

function setUp() {
  const libc = bindLibc();
  const epoll = new Epoll(libc);
  const identity = new Identity(libc, epoll, new Probe(libc));
  return { libc, epoll, identity };
}

/** An epoll that watches a descriptor. */
function watcherOf(fd: number): number {
  const { libc, epoll } = setUp();
  const ep = adopt(libc.epollCreate(CLOEXEC));
  expect(epoll.add(ep, fd, EPOLLIN, 0, 0)).toBeGreaterThanOrEqual(0);
  return ep;
}

afterEach(dispose);

onLinux('distinguishes two files of an epoll at one descriptor', () => {
  const { epoll, identity } = setUp();
  const [[fd], [other]] = [pipe(), pipe()];
  const ep = watcherOf(fd);
  expect(identity.isWatchedTwice(ep, fd)).toBe(false);
  // The first file lives on in a dup while another takes its descriptor.
  dup(fd);
  dup2(other, fd);
  expect(epoll.add(ep, fd, EPOLLIN, 0, 0)).toBeGreaterThanOrEqual(0);
  expect(identity.isWatchedTwice(ep, fd)).toBe(true);
});

onLinux('a dup of a queue is recognised as the queue, a pipe is not', () => {
  const kernel = new LinuxKernel(bindLibc());
  const kq = kernel.kqueue();
  const copy = dup(kq);
  const [fd] = pipe();
  expect(kernel.queueOf(copy)).toBe(kernel.queueOf(kq));
  expect(kernel.queueOf(fd)).toBeUndefined();
  // Another copy of the library's queue is a stranger's.
  expect(kernel.queueOf(kqueue())).toBeUndefined();
  forget(copy);
  expect(kernel.close(copy)).toBe(0);
  expect(kernel.queueOf(kq)).toBeDefined();
  kernel.close(kq);
  expect(kernel.queueOf(kq)).toBeUndefined();
});

// An event loop of a thread opens its epoll, and what that watches, in one go.
for (const state of ['open', 'closed']) {
  onLinux(
    `an epoll that watches a pipe is no part of a queue that is ${state}`,
    () => {
      const { epoll, libc } = setUp();
      const kernel = new LinuxKernel(bindLibc());
      const kq = kernel.kqueue();
      const queue = kernel.queueOf(kq);
      if (queue === undefined) throw new Error('no queue');
      const { inner } = queue.epolls;
      const { eventfd } = queue.readyFlag;
      dup2(pipe()[0], eventfd);
      dup2(watcherOf(eventfd), inner);
      if (state === 'open') {
        queue.repairs.check();
        expect(queue.epolls.inner).not.toBe(inner);
        kernel.close(kq);
      } else {
        libc.close(kq);
        expect(kernel.kevent(kq, null, 0, null, 0, null)).toBe(-1);
      }
      expect(queue.closed).toBe(true);
      expect(epoll.has(inner, eventfd)).toBe(true);
    },
  );
}

/** The numbers of a queue's own epoll and of its eventfd, replaced by others. */
function replaced() {
  const kernel = new LinuxKernel(bindLibc());
  const kq = kernel.kqueue();
  const queue = kernel.queueOf(kq);
  if (queue === undefined) throw new Error('no queue');
  const { kevent } = syscallsOf(() => kernel);
  kevent(kq, [{ ...USER, flags: EV_ADD }], null);
  const { eventfd } = queue.readyFlag;
  const [r, w] = pipe();
  dup2(r, eventfd);
  forget(kq);
  dup2(watcherOf(eventfd), kq);
  return { kernel, kq, kevent, queue, eventfd, w };
}

const USER = { ident: 1, filter: EVFILT_USER };

for (const [name, change] of [
  ['add', { ident: 2, filter: EVFILT_USER, flags: EV_ADD }],
  ['trigger', { ...USER, fflags: NOTE_TRIGGER }],
  ['delete', { ...USER, flags: EV_DELETE }],
] as const) {
  onLinux(`another epoll is not changed instead of the queue: ${name}`, () => {
    const { kq, kevent, queue, eventfd } = replaced();
    const before = entriesOf(kq);
    expect(() => kevent(kq, [change], null)).toThrow('EBADF');
    expect(queue.closed).toBe(true);
    expect(entriesOf(kq)).toEqual(before);
    expect(setUp().epoll.has(kq, eventfd)).toBe(true);
  });
}

onLinux('another epoll is not polled instead of the queue', () => {
  const { kq, kevent, eventfd, w } = replaced();
  libc.write(w, 1);
  const list = new KeventList(4);
  expect(() => kevent(kq, null, list, 0)).toThrow('EBADF');
  const { epoll } = setUp();
  expect(epoll.poll(kq)).toBe(1);
  expect(epoll.has(kq, eventfd)).toBe(true);
});

onLinux('a queue that is replaced by its own inner epoll has ended', () => {
  const kernel = new LinuxKernel(bindLibc());
  const { kevent } = syscallsOf(() => kernel);
  const kq = kernel.kqueue();
  const queue = kernel.queueOf(kq);
  if (queue === undefined) throw new Error('no queue');
  forget(kq);
  dup2(queue.epolls.inner, kq);
  const add = { ident: 2, filter: EVFILT_USER, flags: EV_ADD };
  expect(() => kevent(kq, [add], null)).toThrow('EBADF');
  expect(queue.closed).toBe(true);
});

onLinux('edges of another epoll at the inner number are given back', () => {
  const { epoll } = setUp();
  const kernel = new LinuxKernel(bindLibc());
  const { kevent } = syscallsOf(() => kernel);
  const kq = kernel.kqueue();
  // The queue's own epoll continues to report the inner one, by its duplicate.
  const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 1 };
  kevent(kq, [timer], null);
  const { inner } = kernel.queueOf(kq)?.epolls ?? {};
  if (inner === undefined) throw new Error('no queue');
  dup(inner);
  const [r, w] = pipe();
  const ep = watcherOf(r);
  epoll.modify(ep, r, EPOLLIN | EPOLLET, 7, 7);
  dup2(ep, inner);
  libc.write(w, 1);
  // The old inner epoll is readable when the timer is due.
  expect(kevent(kq, null, new KeventList(4), 5000)).toBe(1);
  expect(epoll.poll(ep)).toBe(1);
  kernel.close(kq);
});

onLinux('an exception in a call leaves no queue unchecked', () => {
  const libc = bindLibc();
  const kernel = new LinuxKernel({
    ...libc,
    statx() {
      throw new RangeError('on purpose');
    },
  });
  const { kevent } = syscallsOf(() => kernel);
  const kq = kernel.kqueue();
  const change = { ident: pipe()[0], filter: EVFILT_READ, flags: EV_ADD };
  expect(() => kevent(kq, [change], null)).toThrow('on purpose');
  expect(kernel.current).toBeNull();
  kernel.close(kq);
});

onLinux('queues share marks evenly, and none has the mark of a loop', () => {
  const kernel = new LinuxKernel(bindLibc());
  const queues = Array.from({ length: 60 }, () => kernel.kqueue());
  const counts = new Map<number, number>();
  for (const kq of queues) {
    const mark = kernel.identity.markOf(kq);
    counts.set(mark, (counts.get(mark) ?? 0) + 1);
  }
  for (const kq of queues) kernel.close(kq);
  // Other tests of this file may have left a queue.
  expect(Math.max(...counts.values())).toBeLessThanOrEqual(4);
  const libc = bindLibc();
  for (let i = 0; i < 200; i++) {
    const ep = libc.epollCreate(CLOEXEC);
    loopIdentityOf(libc, ep);
    expect(counts.has(kernel.identity.markOf(ep))).toBe(false);
    libc.close(ep);
  }
});

onLinux('distinguishes inodes that differ beyond 2^53', () => {
  const real = bindLibc();
  // The inodes of an overlayfs with xino, on an open descriptor.
  let inode = 2n ** 63n + 1n;
  const libc = {
    ...real,
    statx(_fd: number, _mask: number, address: number): number {
      expect(address).toBe(real.scratch.address);
      new BigUint64Array(real.scratch.u32.buffer)[4] = inode;
      return 0;
    },
  };
  const probe = new Probe(libc);
  const first = probe.stat(0);
  if (first === undefined) throw new Error('not open');
  const access = accessOf(probe.openFlags(0));
  const file = { ...first, ...access, inodeGeneration: -1 };
  expect(probe.isOpenOn(0, file)).toBe(true);
  const { reads } = file;
  expect(probe.isOpenOn(0, { ...file, reads: !reads })).toBe(false);
  inode += 1n;
  expect(probe.isOpenOn(0, file)).toBe(false);
  expect(isSameInode({ ...first }, { ...first, inodeHigh: 0 })).toBe(false);
});

test('a member is found when generations pass 2^31', () => {
  const members = new Members(0x7ffffffe);
  for (let i = 0; i < 4; i++) {
    const member = { slot: -1, generation: 0, edge() {} };
    members.add(member, 0, 0);
    // As epoll gives it back.
    const [word] = new Int32Array(new Uint32Array([member.generation]).buffer);
    expect(members.find(member.slot, word)).toBe(member);
    members.remove(member);
    expect(members.find(member.slot, word)).toBeNull();
  }
});

test.each([7, 0x7ffffffe])(
  'only generations that members had are known, from %s on',
  (first) => {
    const members = new Members(first);
    const had: number[] = [];
    for (let i = 0; i < 4; i++) {
      const member = { slot: -1, generation: 0, edge() {} };
      members.add(member, 0, 0);
      had.push(member.generation);
      members.remove(member);
    }
    const [last] = had.slice(-1);
    expect(had.map((generation) => members.hasHad(generation))).toEqual(
      Array(4).fill(true),
    );
    for (const other of [first, last + 1, first - 1, 0, -1]) {
      expect(members.hasHad(other)).toBe(false);
    }
  },
);
