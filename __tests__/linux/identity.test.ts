// Whether a descriptor still is the file that it was: a wrong yes reports the
// events of a stranger's file, a wrong no loses those of one's own.
import { bindLibc } from '../../src/ffi/libc.js';
import { CLOEXEC, EPOLLIN } from '../../src/linux/constants.js';
import { Epoll } from '../../src/linux/epoll.js';
import { Identity } from '../../src/linux/identity.js';
import { LinuxKernel } from '../../src/linux/kernel.js';
import { Probe } from '../../src/linux/probe.js';
import {
  adopt,
  closeElsewhere,
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

onLinux('a dup is the same open file, a second file is not', () => {
  const { identity } = setUp();
  const [[fd], [other]] = [pipe(), pipe()];
  expect(identity.findDup(fd)).toBeUndefined();
  const copy = dup(fd);
  expect(identity.isSameFile(fd, copy)).toBe(true);
  expect(identity.isSameFile(fd, other)).toBe(false);
  expect(identity.findDup(fd)).toBe(copy);
});

onLinux('a descriptor that was closed is the same file as no other', () => {
  const { identity } = setUp();
  const [[fd], [other]] = [pipe(), pipe()];
  closeElsewhere(fd);
  expect(identity.isSameFile(fd, other)).toBe(false);
  expect(identity.isSameFile(fd, fd)).toBe(false);
});

onLinux('finds the dup by which a closed descriptor is still watched', () => {
  const { identity } = setUp();
  const [fd] = pipe();
  const ep = watcherOf(fd);
  const copy = dup(fd);
  closeElsewhere(fd);
  expect(identity.findWatched(ep, fd)).toBe(copy);
});

onLinux('tells an epoll that has one descriptor as two files', () => {
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

onLinux('a dup of a queue is known as the queue, a pipe is not', () => {
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
