// A queue whose parts other code closed is as good as new once it has replaced
// them: it costs the same, and can be repaired again. Lost queues leave nothing.
import { closeSync, openSync, readlinkSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type KeventInit,
  KeventList,
  kevent as keventOf,
} from '../../src/index.js';
import { LinuxKernel } from '../../src/linux/kernel.js';
import { WAKE, WAKE_WORDS } from '../../src/memory/wake-words.js';
import * as libc from '../conformance/libc.js';
import {
  adopt,
  close,
  closeElsewhere,
  descriptors,
  isolate,
  kqueue,
  pipe,
  signal,
  socketpair,
} from '../conformance/world.js';
import { faultyLibc } from '../faults/faulty-libc.js';
import { onLinux } from '../support/fds.js';
import { openFiles } from '../support/open-files.js';

isolate();

const list = new KeventList(8);

/** A queue that has every kind of part, and whose calls are recorded. */
function queueWithParts() {
  const recorded = faultyLibc(bindLibc());
  const kernel = new LinuxKernel(recorded.libc);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  const [r, w] = pipe();
  const [a, b] = socketpair();
  libc.fill(a);
  const timer = { ident: 7, filter: EVFILT_TIMER, data: 3_600_000 };
  kevent(
    kq,
    [
      { ident: r, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR },
      { ident: a, filter: EVFILT_READ, flags: EV_ADD },
      { ident: a, filter: EVFILT_WRITE, flags: EV_ADD },
      { ...timer, flags: EV_ADD },
    ],
    null,
  );
  const words = new Int32Array(new SharedArrayBuffer(4 * WAKE_WORDS));
  kernel.openWaker(kq, words);
  const queue = kernel.queueOf(kq);
  if (queue === undefined) throw new Error('no queue');
  const poll = (): number => kevent(kq, null, list, 0);
  return {
    kq,
    a,
    b,
    remove: (deletion: KeventInit) => kevent(kq, [deletion], null),
    close: () => close(kq),
    poll,
    /** The events after a write to the pipe. */
    write(): number {
      libc.write(w, 1);
      let count = 0;
      for (let i = 0; i < 70 && count === 0; i++) count = poll();
      return count;
    },
    /** Causes an event of an epoll. */
    act: {
      'the inner epoll': () => libc.write(w, 1),
      'the second epoll': () => libc.drain(b),
    },
    /** How many calls 256 polls make, which check the parts four times. */
    cost(): number {
      recorded.arm();
      for (let i = 0; i < 256; i++) poll();
      return recorded.disarm().length;
    },
    /** How many calls it takes to watch a descriptor. */
    watch(ident: number): number {
      recorded.arm();
      kevent(kq, [{ ident, filter: EVFILT_READ, flags: EV_ADD }], null);
      return recorded.disarm().length;
    },
    partOf: (name: string): number =>
      ({
        'the eventfd': queue.readyFlag.eventfd,
        'the inner epoll': queue.epolls.inner,
        'the second epoll': queue.epolls.side,
        'a waker': words[WAKE.FD],
      })[name] ?? timerfd(),
  };
}

/** The timerfd that was opened last. */
const timerfd = (): number =>
  openFiles()
    .filter(([, path]) => path.includes('[timerfd]'))
    .map(([fd]) => fd)
    .at(-1) ?? -1;

const PARTS = [
  'the eventfd',
  'the inner epoll',
  'the second epoll',
  'a waker',
  'a timerfd',
];

/** Replace a descriptor by a file, as other code does. */
function replace(fd: number): void {
  const file = openSync('/dev/null', 'r');
  libc.dup2(file, fd);
  closeSync(file);
  adopt(fd);
}

const HARMS: Readonly<Record<string, (fd: number) => void>> = {
  'is closed': closeSync,
  'is another file': replace,
  'is moved': (fd) => {
    adopt(libc.dup(fd));
    closeSync(fd);
  },
  'is moved, and its number another file': (fd) => {
    adopt(libc.dup(fd));
    replace(fd);
  },
};

for (const part of PARTS) {
  for (const [harm, act] of Object.entries(HARMS)) {
    onLinux(`polls cost the same after ${part} ${harm}`, () => {
      const { partOf, cost, write, close } = queueWithParts();
      cost();
      const before = cost();
      expect(before).toBeLessThan(256 + 4 * 40);
      act(partOf(part));
      cost();
      expect(cost()).toBeLessThanOrEqual(before);
      expect(write()).toBe(1);
      close();
    });
  }
}

for (const order of ['then', 'and']) {
  onLinux(`polls cost the same after an epoll ${order} the eventfd`, () => {
    const { kq, partOf, cost, write, close } = queueWithParts();
    cost();
    const before = cost();
    HARMS['is moved, and its number another file'](partOf('the inner epoll'));
    if (order === 'then') cost();
    closeSync(partOf('the eventfd'));
    cost();
    expect(cost()).toBeLessThanOrEqual(before);
    expect(write()).toBe(1);
    expect(libc.poll(kq)).toBe(0);
    close();
  });
}

onLinux('a deleted registration does not wake a repaired queue', () => {
  const { kq, a, b, partOf, cost, remove, close } = queueWithParts();
  closeSync(partOf('the second epoll'));
  cost();
  remove({ ident: a, filter: EVFILT_READ, flags: EV_DELETE });
  libc.write(b, 1);
  expect(libc.poll(kq)).toBe(0);
  close();
});

for (const part of PARTS) {
  onLinux(`its former number costs nothing to watch: ${part}`, () => {
    const { partOf, cost, watch, close } = queueWithParts();
    const usual = watch(pipe()[0]);
    const fd = partOf(part);
    replace(fd);
    cost();
    closeElsewhere(fd);
    const pipes = [pipe(), pipe()].flat();
    expect(pipes).toContain(fd);
    expect(watch(fd)).toBe(usual);
    close();
  });

  onLinux(`a queue is repaired each time: ${part}`, () => {
    const { partOf, write, poll, close } = queueWithParts();
    for (let round = 0; round < 3; round++) {
      const fd = partOf(part);
      expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(/^anon_inode:/);
      closeSync(fd);
      for (let i = 0; i < 70; i++) poll();
      expect(write()).toBe(1);
    }
    close();
  });
}

onLinux('a lost queue is freed however many queues there are', () => {
  const before = descriptors();
  for (let nth = 0; nth < 6; nth++) {
    const all = Array.from({ length: 6 }, kqueue);
    closeElsewhere(all[nth]);
    const taken = openSync('/dev/null', 'r');
    expect(taken).toBe(all[nth]);
    // Each new queue checks a few of the others.
    for (let i = 0; i < 6; i++) close(kqueue());
    all.splice(nth, 1);
    all.forEach(close);
    closeSync(taken);
    expect(descriptors()).toEqual(before);
  }
});

onLinux('a lost queue is freed when a file of its number is closed', () => {
  const before = descriptors();
  const kq = kqueue();
  closeElsewhere(kq);
  const file = openSync('/dev/null', 'r');
  expect(file).toBe(kq);
  close(file);
  expect(descriptors()).toEqual(before);
});

for (const part of ['the inner epoll', 'the second epoll'] as const) {
  onLinux(`an event is reported at once although ${part} was moved`, () => {
    const { partOf, act, poll, close } = queueWithParts();
    poll();
    HARMS['is moved, and its number another file'](partOf(part));
    act[part]();
    // Later, the periodic check would notice it.
    expect(poll() + poll()).toBeGreaterThan(0);
    close();
  });
}

onLinux('a timer and a waker are opened once there are descriptors', () => {
  const recorded = faultyLibc(bindLibc());
  const kernel = new LinuxKernel(recorded.libc);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  for (const call of ['timerfdCreate', 'eventfd']) {
    const kq = kqueue();
    const words = new Int32Array(new SharedArrayBuffer(4 * WAKE_WORDS));
    words[WAKE.IDENT_LOW] = 1;
    const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD | EV_CLEAR };
    const timer = { ident: 2, filter: EVFILT_TIMER, flags: EV_ADD, data: 20 };
    const idle = (): void => {
      for (let i = 0; i < 130; i++) kevent(kq, null, null);
    };
    kevent(kq, [user, { ...timer, data: 3_600_000 }], null);
    kernel.openWaker(kq, words);
    for (const fd of [timerfd(), words[WAKE.FD]]) closeSync(fd);
    recorded.arm({ call, nth: 0, errno: 'EMFILE', forEver: true });
    idle();
    recorded.disarm();
    // A waker without a descriptor is not closed: it cannot wake just now.
    expect(words[WAKE.FD] === -2).toBe(call === 'eventfd');
    idle();
    writeSync(words[WAKE.FD], new BigUint64Array([1n]));
    expect(kevent(kq, null, list, 0)).toBe(1);
    expect(list.ident(0)).toBe(1);
    kevent(kq, [timer], null);
    expect(kevent(kq, null, list, 5000)).toBe(1);
    expect(list.ident(0)).toBe(2);
    close(kq);
  }
});

onLinux('a signal is reported by the call after its epoll was replaced', () => {
  const before = new Set(openFiles().map(([fd]) => fd));
  const kq = kqueue();
  const opened = openFiles().filter(([fd]) => !before.has(fd));
  const [inner] = opened
    .filter(([fd, path]) => fd !== kq && path.includes('eventpoll'))
    .map(([fd]) => fd);
  const ident = constants.signals.SIGUSR2;
  keventOf(kq, [{ ident, filter: EVFILT_SIGNAL, flags: EV_ADD }], null);
  closeSync(inner);
  // Adding a timer notices it.
  const timer = { ident: 2, filter: EVFILT_TIMER, data: 3_600_000 };
  keventOf(kq, [{ ...timer, flags: EV_ADD }], null);
  signal('SIGUSR2');
  expect(keventOf(kq, null, list, 0)).toBe(1);
  expect(list.ident(0)).toBe(ident);
});
