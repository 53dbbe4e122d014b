// How many system calls the frequent operations make: docs/performance.md says
// what they cost. A redundant one is no error, but slows all programs.
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type KeventInit,
  KeventList,
  NOTE_LOWAT,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { createLinuxKernel, LinuxKernel } from '../../src/linux/kernel.js';
import { WAKE_WORDS } from '../../src/memory/wake-words.js';
import {
  EV_DISPATCH,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
  EVFILT_FS,
  EVFILT_PROC,
  EVFILT_SIGNAL,
  EVFILT_VNODE,
  NOTE_DELETE,
  NOTE_EXIT,
  NOTE_WRITE,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import {
  closeElsewhere,
  file,
  forget,
  isolate,
  open,
  path,
  pipe,
  socketpair,
  tcpPair,
} from '../conformance/world.js';
import { faultyLibc } from '../faults/faulty-libc.js';
import { onLinux } from '../support/fds.js';
import { openFiles } from '../support/open-files.js';

isolate();

const USER = { ident: 1, filter: EVFILT_USER };
const TIMER = { ident: 1, filter: EVFILT_TIMER, data: 3_600_000 };
const TRIGGER = { ...USER, fflags: NOTE_TRIGGER };

const closers: (() => void)[] = [];
afterEach(() => {
  for (const end of closers.splice(0)) end();
});

/** A queue of a kernel whose system calls are recorded. */
function queue() {
  const recorded = faultyLibc(bindLibc());
  const kernel = createLinuxKernel(recorded.libc);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const list = new KeventList(64);
  const one = new KeventList(1);
  const kq = kqueue();
  closers.push(() => close(kq));
  return {
    kq,
    /** Another queue of the kernel, which watches a descriptor if one is given. */
    another(ident?: number): number {
      const other = kqueue();
      closers.unshift(() => close(other));
      if (ident === undefined) return other;
      const flags = EV_ADD;
      kevent(other, [{ ident, filter: EVFILT_READ, flags }], null);
      return other;
    },
    change: (change: KeventInit) => kevent(kq, [change], null),
    exchange: (change: KeventInit) => kevent(kq, [change], one, 0),
    collect: () => kevent(kq, null, list, 0),
    wait: () => kevent(kq, null, list, 1),
    watch(ident: number) {
      kevent(kq, [{ ident, filter: EVFILT_READ, flags: EV_ADD }], null);
    },
    /** Watch a pipe while epoll has no memory. */
    watchInVain() {
      const fault = { call: 'epollCtl.add', nth: 0, forEver: true } as const;
      recorded.arm({ ...fault, errno: 'ENOMEM' });
      const [ident] = pipe();
      const change = { ident, filter: EVFILT_READ, flags: EV_ADD };
      expect(() => kevent(kq, [change], null)).toThrow('ENOMEM');
      recorded.disarm();
    },
    close,
    /** The calls that an operation makes the second time. */
    made(act: () => unknown): readonly string[] {
      act();
      recorded.arm();
      act();
      const calls = recorded.disarm().map(({ name }) => name);
      // The C library reads the clock without one.
      return calls.filter((name) => name !== 'clockGettime');
    },
  };
}

/** The same, which watches two idle pipes. */
function busyQueue() {
  const made = queue();
  for (let i = 0; i < 2; i++) made.watch(pipe()[0]);
  return made;
}

const LOOK = 'epollWait';
/** Whether a descriptor is still the file that it was. */
const CHECK = 'epollCtl.add';
/** Whether the queue's own still has its mark. */
const MARK = 'fcntl';
const COUNT = 'ioctl';

/** Add a timer, and delete it. */
function addAndDelete(change: (change: KeventInit) => void): void {
  change({ ...TIMER, flags: EV_ADD });
  change({ ...TIMER, flags: EV_DELETE });
}

onLinux('a poll that finds nothing makes one', () => {
  const { made, collect } = busyQueue();
  expect(made(collect)).toEqual([LOOK]);
});

onLinux('an event makes no more in a queue that watches many others', () => {
  const callsWith = (count: number) => {
    const { kq, made, collect, change, watch, another } = queue();
    another(kq);
    for (let i = 0; i < count; i++) watch(another());
    const [ident, w] = pipe();
    const flags = EV_ADD | EV_CLEAR;
    change({ ident, filter: EVFILT_READ, flags });
    return made(() => {
      libc.write(w, 1);
      collect();
    });
  };
  expect(callsWith(30)).toEqual(callsWith(2));
});

onLinux('a call makes no more after a directory was watched', () => {
  const { made, change, collect } = busyQueue();
  const ident = open(path(''), 'r');
  const vnode = { ident, filter: EVFILT_VNODE, fflags: NOTE_DELETE };
  change({ ...vnode, flags: EV_ADD | EV_CLEAR });
  expect(made(collect).length).toBeGreaterThan(1);
  change({ ...vnode, flags: EV_DELETE });
  expect(made(collect)).toEqual([LOOK]);
  expect(made(() => addAndDelete(change))).toEqual([MARK, MARK]);
});

onLinux('a user event makes no more after other things were watched', () => {
  const { made, change, exchange } = queue();
  change({ ...USER, flags: EV_ADD | EV_CLEAR });
  const trigger = () => exchange(TRIGGER);
  const calls = made(trigger);
  const SIGUSR2 = constants.signals.SIGUSR2;
  const proc = { ident: process.pid, filter: EVFILT_PROC, fflags: NOTE_EXIT };
  for (const other of [
    { ident: SIGUSR2, filter: EVFILT_SIGNAL },
    proc,
    { ident: 1, filter: EVFILT_FS },
    { ident: pipe()[0], filter: EVFILT_READ },
  ]) {
    change({ ...other, flags: EV_ADD });
    change({ ...other, flags: EV_DELETE });
    expect([other.filter, made(trigger)]).toEqual([other.filter, calls]);
  }
});

onLinux('nor after other code closed what a registration needs', () => {
  const known = new Set(openFiles().map(([fd]) => fd));
  const { kq, made, change, exchange, collect } = queue();
  /** A part of the queue. */
  const partOf = (kind: RegExp): number => {
    const part = openFiles().find(
      ([fd, path]) => kind.test(path) && fd !== kq && !known.has(fd),
    );
    return part?.[0] ?? -1;
  };
  change({ ...USER, flags: EV_ADD | EV_CLEAR });
  const trigger = () => exchange(TRIGGER);
  const calls = made(trigger);
  const SIGUSR2 = constants.signals.SIGUSR2;
  const proc = { ident: process.pid, filter: EVFILT_PROC, fflags: NOTE_EXIT };
  // The epoll that the pipe of signals is in, and parts of others.
  for (const [other, kind] of [
    [proc, /pidfd/],
    [{ ident: 1, filter: EVFILT_FS }, /mountinfo/],
    [{ ident: SIGUSR2, filter: EVFILT_SIGNAL }, /eventpoll/],
  ] as const) {
    change({ ...other, flags: EV_ADD });
    const part = partOf(kind);
    expect(part).toBeGreaterThan(0);
    closeElsewhere(part);
    // So many polls that the parts are checked.
    for (let i = 0; i < 70; i++) collect();
    change({ ...other, flags: EV_DELETE });
    expect([other.filter, made(trigger)]).toEqual([other.filter, calls]);
  }
});

onLinux('a change of a file makes two reads of inotify', () => {
  const { made, change, collect } = queue();
  const { fd, at } = file(1);
  const vnode = { ident: fd, filter: EVFILT_VNODE, fflags: NOTE_WRITE };
  change({ ...vnode, flags: EV_ADD | EV_CLEAR });
  const write = () => {
    writeFileSync(at, 'x', { flag: 'r+' });
    expect(collect()).toBe(1);
  };
  const reads = made(write).filter((name) => name === 'read');
  expect(reads).toHaveLength(2);
});

onLinux('a wait that ends without an event makes two', () => {
  const { made, wait } = busyQueue();
  expect(made(wait)).toEqual([LOOK, 'epollPwait2']);
});

onLinux('a call makes no more after EV_VANISHED was registered', () => {
  const { made, change } = busyQueue();
  const key = { ident: pipe()[0], filter: EVFILT_READ };
  const kind = EV_DISPATCH | EV_UDATA_SPECIFIC;
  addAndDelete(change);
  change({ ...key, flags: EV_ADD | EV_VANISHED | kind });
  change({ ...key, flags: EV_DELETE | EV_UDATA_SPECIFIC });
  expect(made(() => addAndDelete(change))).toEqual([MARK, MARK]);
});

/** Registrations for which each call must look at more than epoll. */
const POLLED: Readonly<Record<string, () => KeventInit>> = {
  'a file': () => ({ ident: file(4).fd, filter: EVFILT_READ }),
  'a file for writing': () => ({
    ident: open(path('written'), 'w'),
    filter: EVFILT_WRITE,
  }),
  'a socket with a low-water mark': () => ({
    ident: tcpPair()[0],
    filter: EVFILT_READ,
    fflags: NOTE_LOWAT,
    data: 9,
  }),
  'a UNIX socket for each read of its peer': () => ({
    ident: socketpair()[0],
    filter: EVFILT_WRITE,
  }),
};

for (const [what, make] of Object.entries(POLLED)) {
  onLinux(`a call makes no more after ${what} was watched`, () => {
    const { made, change, collect } = busyQueue();
    // What another registration needs goes on.
    const kept = make();
    const init = { ...make(), flags: EV_ADD | EV_CLEAR };
    change({ ...kept, flags: EV_ADD | EV_CLEAR });
    const calls = made(collect);
    change(init);
    expect(made(collect).length).toBeGreaterThan(calls.length);
    change({ ...init, flags: EV_DELETE });
    expect(made(collect)).toEqual(calls);
    change({ ...kept, flags: EV_DELETE });
    expect(made(collect)).toEqual([LOOK]);
  });
}

onLinux('a ready pipe makes three, and each further one makes two', () => {
  const { made, collect, watch } = busyQueue();
  const ready = () => {
    const [r, w] = pipe();
    watch(r);
    libc.write(w, 1);
  };
  ready();
  expect(made(collect)).toEqual([LOOK, COUNT, 'epollCtl.mod']);
  for (let i = 0; i < 9; i++) ready();
  // The queue becomes readable, until all were collected.
  const calls = Array(10).fill([CHECK, COUNT]).flat();
  expect(made(collect)).toEqual([LOOK, ...calls, 'epollCtl.mod']);
  expect(made(collect)).toEqual([LOOK, ...calls]);
});

onLinux('a drained pipe makes three before it is known to be empty', () => {
  const { made, collect, watch } = queue();
  const [r, w] = pipe();
  watch(r);
  const drain = () => {
    libc.write(w, 1);
    for (let i = 0; i < 3; i++) collect();
    libc.read(r, 1);
    collect();
  };
  expect(made(drain).slice(-3)).toEqual([LOOK, CHECK, COUNT]);
});

onLinux('a ready socket makes as many as a ready pipe', () => {
  const { made, collect, watch } = busyQueue();
  const pairs = Array.from({ length: 3 }, () => socketpair());
  for (const [a, b] of pairs) {
    watch(a);
    libc.write(b, 1);
  }
  const calls = pairs.flatMap(() => [CHECK, COUNT]);
  expect(made(collect)).toEqual([LOOK, ...calls]);
});

onLinux('a socket with space makes five each time', () => {
  const { made, collect, change } = busyQueue();
  for (const [ident] of [socketpair(), tcpPair()]) {
    change({ ident, filter: EVFILT_WRITE, flags: EV_ADD });
    expect(made(collect)).toEqual([LOOK, CHECK, 'poll', COUNT, 'getsockopt']);
    change({ ident, filter: EVFILT_WRITE, flags: EV_DELETE });
  }
});

onLinux('a user event makes one, or three in two calls', () => {
  const { made, change, exchange, collect } = queue();
  change({ ...USER, flags: EV_ADD | EV_CLEAR });
  expect(made(() => exchange(TRIGGER))).toEqual([MARK]);
  const inTwo = () => {
    change(TRIGGER);
    collect();
  };
  expect(made(inTwo)).toEqual([MARK, 'epollCtl.mod', LOOK]);
});

onLinux('a user event makes another one in a queue that watches pipes', () => {
  const { made, change, exchange } = busyQueue();
  change({ ...USER, flags: EV_ADD | EV_CLEAR });
  expect(made(() => exchange(TRIGGER))).toEqual([LOOK, MARK]);
});

const UNWATCH: Readonly<
  Record<string, (made: ReturnType<typeof queue>) => void>
> = {
  closed({ watch, close }) {
    const [fd] = pipe();
    watch(fd);
    forget(fd);
    close(fd);
  },
  refused: ({ watchInVain }) => watchInVain(),
};

for (const [how, act] of Object.entries(UNWATCH)) {
  onLinux(`a user event makes one after all pipes were ${how}`, () => {
    const all = queue();
    all.change({ ...USER, flags: EV_ADD | EV_CLEAR });
    act(all);
    expect(all.made(() => all.exchange(TRIGGER))).toEqual([MARK]);
  });
}

onLinux('adding a pipe makes five, and deleting it two', () => {
  const { made, change, watch } = busyQueue();
  const [ident] = pipe();
  const add = [MARK, 'statx', 'fcntl', 'poll', 'epollCtl.add'];
  const remove = [MARK, 'epollCtl.del'];
  const both = () => {
    watch(ident);
    change({ ident, filter: EVFILT_READ, flags: EV_DELETE });
  };
  expect(made(both)).toEqual([...add, ...remove]);
});

onLinux('adding a timer makes one, and deleting it one', () => {
  const { made, change } = busyQueue();
  expect(made(() => addAndDelete(change))).toEqual([MARK, MARK]);
});

onLinux('a ready socket that is the first of a queue makes three', () => {
  const { made, change, collect } = queue();
  const [ident, other] = socketpair();
  change({ ident, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR });
  const act = () => {
    libc.write(other, 1);
    collect();
  };
  expect(made(act)).toEqual([LOOK, CHECK, COUNT]);
});

onLinux('a user event makes one again once no pipe is watched', () => {
  const { made, change, exchange, watch } = queue();
  change({ ...USER, flags: EV_ADD | EV_CLEAR });
  const [ident] = pipe();
  watch(ident);
  change({ ident, filter: EVFILT_READ, flags: EV_DELETE });
  expect(made(() => exchange(TRIGGER))).toEqual([MARK]);
});

onLinux('an event makes one more in a queue that watches a timer', () => {
  const { made, change, collect } = busyQueue();
  change({ ...TIMER, flags: EV_ADD });
  const [ident, w] = socketpair();
  change({ ident, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR });
  const act = () => {
    libc.write(w, 1);
    collect();
  };
  expect(made(act)).toEqual([LOOK, LOOK, CHECK, COUNT]);
});

onLinux('a call makes no more when other queues were made and closed', () => {
  const { made, change, exchange } = queue();
  change({ ...USER, flags: EV_ADD | EV_CLEAR });
  const kernel = createLinuxKernel();
  const trigger = () => exchange(TRIGGER);
  for (let i = 0; i < 20; i++) {
    const other = kernel.kqueue();
    expect(made(trigger)).toEqual([MARK]);
    kernel.close(other);
  }
  const others = Array.from({ length: 60 }, () => kernel.kqueue());
  for (const other of others) kernel.close(other);
  expect(made(trigger)).toEqual([MARK]);
  for (let i = 0; i < 10; i++) {
    const next = queue();
    next.change({ ...USER, flags: EV_ADD | EV_CLEAR });
    expect(next.made(() => next.exchange(TRIGGER))).toEqual([MARK]);
  }
});

onLinux('adding a pipe makes no more at a number that a queue had', () => {
  const recorded = faultyLibc(bindLibc());
  const kernel = new LinuxKernel(recorded.libc);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  const words = new Int32Array(new SharedArrayBuffer(4 * WAKE_WORDS));
  const [a] = socketpair();
  const watch = (ident: number) =>
    kevent(kq, [{ ident, filter: EVFILT_READ, flags: EV_ADD }], null);
  // The first pipe of a process takes more.
  watch(pipe()[0]);
  // Its parts take the next free numbers.
  const former = kqueue();
  const changes = [
    { ident: a, filter: EVFILT_READ, flags: EV_ADD },
    { ident: a, filter: EVFILT_WRITE, flags: EV_ADD },
    { ...TIMER, flags: EV_ADD },
  ];
  kevent(former, changes, null);
  kernel.openWaker(former, words);
  kernel.closeWaker(former, words);
  kernel.openWaker(former, words);
  close(former);
  const pipes = Array.from({ length: 5 }, () => pipe()).flat();
  expect(pipes).toContain(former);
  const counts = pipes.map((ident) => {
    recorded.arm();
    watch(ident);
    return recorded.disarm().length;
  });
  close(kq);
  expect(new Set(counts)).toEqual(new Set([5]));
});

onLinux('closing a queue makes no more if many files are open', () => {
  const recorded = faultyLibc(bindLibc());
  const kernel = createLinuxKernel(recorded.libc);
  const callsOfClose = () => {
    const kq = kernel.kqueue();
    recorded.arm();
    kernel.close(kq);
    return recorded.disarm().length;
  };
  const few = callsOfClose();
  for (let i = 0; i < 30; i++) pipe();
  expect(callsOfClose()).toBe(few);
});

onLinux('a user event makes one after a timer was refused', () => {
  const recorded = faultyLibc(bindLibc());
  const kernel = createLinuxKernel(recorded.libc);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  const list = new KeventList(4);
  kevent(kq, [{ ...USER, flags: EV_ADD | EV_CLEAR }], null);
  const call = 'epollCtl.add';
  recorded.arm({ call, nth: 0, errno: 'ENOSPC', forEver: true });
  const add = () => kevent(kq, [{ ...TIMER, flags: EV_ADD }], null);
  expect(add).toThrow('ENOSPC');
  recorded.disarm();
  kevent(kq, [TRIGGER], list, 0);
  recorded.arm();
  expect(kevent(kq, [TRIGGER], list, 0)).toBe(1);
  expect(recorded.disarm().map(({ name }) => name)).toEqual([MARK]);
  close(kq);
});

onLinux('an event that stays makes one if both directions are watched', () => {
  const { made, change, collect } = queue();
  const [ident] = socketpair();
  libc.fill(ident);
  change({ ident, filter: EVFILT_READ, flags: EV_ADD });
  change({ ident, filter: EVFILT_WRITE, flags: EV_ADD });
  change({ ...USER, flags: EV_ADD });
  change(TRIGGER);
  for (let i = 0; i < 3; i++) collect();
  expect(made(collect)).toEqual([LOOK]);
});
