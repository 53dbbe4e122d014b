// The calls of epoll(7) under conditions that the host does not have: the other
// layout of its struct, signals, an old Linux, another errno.
import { readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import { nativeBlock } from '../../src/ffi/native-block.js';
import { type KeventInit, KeventList, Kqueue } from '../../src/index.js';
import {
  CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLLET,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
} from '../../src/linux/constants.js';
import { Epoll } from '../../src/linux/epoll.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { codeOf } from '../conformance/calls.js';
import {
  EV_ADD,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_WRITE,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import {
  adopt,
  dup2,
  isolate,
  pipe,
  socketpair,
} from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

isolate();

const { EBADF, EEXIST, EINTR, EINVAL, ENOENT, ENOMEM, ENOSYS, EPERM } =
  constants.errno;
let real: Libc;
beforeAll(() => {
  real = bindLibc();
});

/** A queue of a kernel over a libc. */
function queueOver(libc: Libc) {
  const kernel = createLinuxKernel(libc);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  const list = new KeventList(8);
  return {
    kq,
    change: (...changes: KeventInit[]) => kevent(kq, changes, null),
    collect(timeout = 0): number[] {
      kevent(kq, null, list, timeout);
      return [...list].map(({ ident }) => Number(ident));
    },
    [Symbol.dispose]: () => close(kq),
  };
}

const read = (ident: number): KeventInit => ({
  ident,
  filter: EVFILT_READ,
  flags: EV_ADD,
});

for (const size of [12, 16] as const) {
  onLinux(`an event keeps its data in a struct of ${size} bytes`, () => {
    const [r, w] = pipe();
    const data = size === 12 ? 1 : 2;
    const epoll = new Epoll({
      ...real,
      epollEventSize: size,
      epollCtl: () => 0,
      epollWait: (_, events) => real.read(r, events, 2 * size) / size,
    });
    const { i32, u8 } = real.scratch;
    for (const [low, high] of [
      [5, 6],
      [-7, 8],
    ]) {
      epoll.add(0, 0, EPOLLOUT, low, high);
      expect([i32[0], i32[data], i32[data + 1]]).toEqual([EPOLLOUT, low, high]);
      writeSync(w, u8.slice(0, size));
    }
    expect(epoll.poll(0)).toBe(2);
    const events = [0, 1].map((i) => [
      epoll.bits(i),
      epoll.low(i),
      epoll.high(i),
    ]);
    expect(events).toEqual([
      [EPOLLOUT, 5, 6],
      [EPOLLOUT, -7, 8],
    ]);
  });
}

onLinux('no edge of an epoll of other code is lost by a poll', () => {
  const epoll = new Epoll(real);
  const ep = adopt(real.epollCreate(CLOEXEC));
  const [[edge, toEdge], [once, toOnce], [consumed, toConsumed]] = [
    pipe(),
    pipe(),
    pipe(),
  ];
  const [room] = socketpair();
  const [level, toLevel] = pipe();
  epoll.add(ep, edge, EPOLLIN | EPOLLET, 2, 4);
  epoll.add(ep, once, EPOLLIN | EPOLLONESHOT, 4, 6);
  epoll.add(ep, consumed, EPOLLIN | EPOLLET, 6, 8);
  epoll.add(ep, level, EPOLLIN, 8, 10);
  libc.write(toConsumed, 1);
  expect(epoll.poll(ep)).toBe(1);
  epoll.add(ep, room, EPOLLOUT | EPOLLET, 10, 12);
  for (const w of [toEdge, toOnce, toLevel]) libc.write(w, 1);
  const listed = (): string => readFileSync(`/proc/self/fdinfo/${ep}`, 'utf8');
  const before = listed();
  const lows = (): number[] =>
    Array.from({ length: epoll.poll(ep) }, (_, i) => epoll.low(i));
  const reported = lows().sort((a, b) => a - b);
  expect(reported).toEqual([2, 4, 8, 10]);
  expect(listed()).not.toBe(before);
  epoll.rearm(ep, reported.length);
  expect(listed()).toBe(before);
  expect(lows().sort((a, b) => a - b)).toEqual(reported);
  expect(lows()).toEqual([8]);
});

onLinux('a poll does not wait, also after a signal', () => {
  const times: number[] = [];
  let signals = 1;
  const epoll = new Epoll({
    ...real,
    epollWait(ep, events, max, ms) {
      times.push(ms);
      if (signals-- <= 0) return real.epollWait(ep, events, max, ms);
      real.setErrno(EINTR);
      return -1;
    },
  });
  expect(epoll.poll(adopt(real.epollCreate(CLOEXEC)))).toBe(0);
  expect(times).toEqual([0, 0]);
});

onLinux('an old Linux waits with ppoll for the epoll alone', () => {
  const calls: number[][] = [];
  const epoll = new Epoll({
    ...real,
    epollPwait2() {
      real.setErrno(ENOSYS);
      return -1;
    },
    ppoll(...args) {
      calls.push([...real.scratch.i32.slice(0, 2), ...args]);
      return real.ppoll(...args);
    },
  });
  const ep = adopt(real.epollCreate(CLOEXEC));
  const [r, w] = pipe();
  epoll.add(ep, r, EPOLLIN, 1, 1);
  libc.write(w, 1);
  const { address } = nativeBlock(16);
  expect(epoll.wait(ep, address)).toBe(1);
  expect(calls).toEqual([[ep, EPOLLIN, real.scratch.address, 1, address, 0]]);
});

onLinux('an event that came with a signal is reported before EINTR', () => {
  const [r, w] = pipe();
  using queue = queueOver({
    ...real,
    epollPwait2() {
      libc.write(w, 1);
      real.setErrno(EINTR);
      return -1;
    },
  });
  queue.change(read(r));
  expect(queue.collect(1000)).toEqual([r]);
});

for (const [errno, reported] of [
  // The number is no descriptor any more, or no epoll.
  [EBADF, 'EBADF'],
  [EINVAL, 'EBADF'],
  [ENOMEM, 'ENOMEM'],
] as const) {
  onLinux(`a wait that fails with ${errno} is ${reported}`, () => {
    using queue = queueOver({
      ...real,
      epollPwait2() {
        real.setErrno(errno);
        return -1;
      },
    });
    expect(codeOf(() => queue.collect(1000))).toBe(reported);
  });
}

onLinux('events that remain after a wait keep the queue readable', () => {
  const pipes = [pipe(), pipe()];
  using queue = queueOver({
    ...real,
    epollPwait2(...args) {
      for (const [, w] of pipes) libc.write(w, 1);
      return real.epollPwait2(...args);
    },
  });
  const fds = pipes.map(([r]) => r);
  queue.change(...fds.map(read));
  expect(queue.collect(1000)).toEqual(fds);
  expect(libc.poll(queue.kq)).toBe(libc.POLLIN);
});

/** A libc whose calls set errno when they succeed, as POSIX allows. */
function setting(errno: number): Libc {
  let left = 0;
  const members = Object.entries(real).map(([name, member]) => {
    if (name === 'errno') return [name, () => left || real.errno()];
    if (typeof member !== 'function') return [name, member];
    const wrapped = (...args: never[]) => {
      const result = (member as (...args: never[]) => number)(...args);
      const hasFailed = result < 0 || /^(setErrno|isatty)$/.test(name);
      left = hasFailed ? 0 : errno;
      return result;
    };
    return [name, wrapped];
  });
  return Object.fromEntries(members);
}

describe('the errno of a call that succeeded does not count', () => {
  for (const errno of [EEXIST, EINTR, EINVAL, ENOENT, ENOSYS, EPERM]) {
    onLinux(`${errno}`, () => {
      let slept = 0;
      const libcThat = setting(errno);
      using queue = queueOver({
        ...libcThat,
        ppoll(...args) {
          slept++;
          return libcThat.ppoll(...args);
        },
      });
      const [r, w] = pipe();
      const [a] = socketpair();
      queue.change(read(r), read(a), { ...read(a), filter: EVFILT_WRITE });
      libc.write(w, 1);
      expect(queue.collect().sort()).toEqual([r, a].sort());
      queue.change({ ...read(a), filter: EVFILT_WRITE, flags: EV_DELETE });
      expect(queue.collect()).toEqual([r]);
      // Another file is not the registered one.
      const [other, toOther] = pipe();
      libc.write(toOther, 2);
      dup2(other, r);
      expect(queue.collect()).toEqual([]);
      queue.change(read(r));
      expect(queue.collect()).toEqual([r]);
      libc.read(r, 2);
      const timer = { ident: 7, filter: EVFILT_TIMER, flags: EV_ADD };
      queue.change({ ...timer, data: 1 });
      expect(queue.collect(5000)).toEqual([7]);
      queue.change({ ...timer, flags: EV_DELETE });
      expect(queue.collect(1)).toEqual([]);
      expect(slept).toBe(0);
    });
  }
});

onLinux('a refused descriptor ends no wait of the event loop', async () => {
  using kq = new Kqueue();
  const [r, w] = pipe();
  kq.add({ filter: 'read', fd: r });
  // It polls when its time is over.
  const timeout = 10_000;
  const start = performance.now();
  const waiting = kq.next({ timeout });
  await new Promise((resolve) => setImmediate(resolve));
  const refusing = {
    ...real,
    epollCtl(ep: number, op: number, fd: number, event: number) {
      if (op !== EPOLL_CTL_ADD) return real.epollCtl(ep, op, fd, event);
      real.setErrno(EINVAL);
      return -1;
    },
  };
  const ep = adopt(real.epollCreate(CLOEXEC));
  expect(new Epoll(setting(EINVAL)).add(ep, w, EPOLLIN, 0, 0)).toBe(0);
  expect(new Epoll(refusing).add(ep, r, EPOLLIN, 0, 0)).toBe(-1);
  expect(real.errno()).toBe(EINVAL);
  libc.write(w, 1);
  expect(await waiting).toMatchObject({ filter: 'read', fd: r });
  expect(performance.now() - start).toBeLessThan(timeout - 1000);
});
