// Queues and their parts are marked, so that they can be recognised at once. The
// marks are few: a file is never taken for a queue because it has the same one.
import { closeSync, fstatSync, openSync } from 'node:fs';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type KeventInit,
  KeventList,
  Kqueue,
  kevent,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { createLinuxKernel, LinuxKernel } from '../../src/linux/kernel.js';
import { WAKE, WAKE_WORDS } from '../../src/memory/wake-words.js';
import * as libc from '../conformance/libc.js';
import {
  adopt,
  adoptQueue,
  close,
  descriptors,
  dup,
  dup2,
  dupQueue,
  forget,
  isolate,
  kqueue,
  socketpair,
} from '../conformance/world.js';
import { onLinux } from '../support/fds.js';
import { openFiles } from '../support/open-files.js';

isolate();

const user = { ident: 1, filter: EVFILT_USER };
const ADD_USER = { ...user, flags: EV_ADD | EV_CLEAR };
const TRIGGER = { ...user, fflags: NOTE_TRIGGER };
const list = new KeventList(8);

const change = (kq: number, ...changes: KeventInit[]): void => {
  kevent(kq, changes, null);
};

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** Replace descriptors by a file, as other code does. */
function replaceAll(fds: readonly number[]): void {
  const file = openSync('/dev/null', 'r');
  for (const fd of fds) libc.dup2(file, fd);
  closeSync(file);
}

onLinux('a queue of another copy of the package is not taken for one', () => {
  const kernel = createLinuxKernel();
  const copy = syscallsOf(() => kernel);
  const kq = kqueue();
  const kept = dupQueue(kq);
  // One of so many has the mark of the queue, unless the copies share them.
  const others = Array.from({ length: 20 }, () => copy.kqueue());
  for (const other of others) {
    libc.dup2(other, kq);
    expect(() => change(kq, ADD_USER)).toThrow('EBADF');
    libc.dup2(kept, kq);
    change(kq, ADD_USER);
  }
  others.forEach(copy.close);
});

onLinux('no part of a queue has the mark of a queue', () => {
  const kernel = new LinuxKernel(bindLibc());
  const queues = Array.from({ length: 40 }, () => kernel.kqueue());
  const wakers = Array.from({ length: 40 }, () => {
    const words = new Int32Array(new SharedArrayBuffer(4 * WAKE_WORDS));
    expect(kernel.openWaker(queues[0], words)).toBe(0);
    return words[WAKE.MARK];
  });
  // So many that each mark of a part is given.
  expect(new Set(wakers).size).toBe(28);
  const inner = queues.map((kq) => kernel.queueOf(kq)?.epolls.inner ?? -1);
  const marksOf = (fds: readonly number[]) =>
    fds.map((fd) => kernel.identity.markOf(fd));
  const ofParts = new Set([...wakers, ...marksOf(inner)]);
  const shared = marksOf(queues).filter((mark) => ofParts.has(mark));
  const unmarked = [...ofParts].filter((mark) => mark <= 0);
  for (const kq of queues) kernel.close(kq);
  expect([shared, unmarked]).toEqual([[], []]);
});

onLinux('a mark that many queues had does not prove one of them', () => {
  const [first, ...others] = Array.from({ length: 40 }, kqueue);
  others.slice(19).forEach(close);
  const again = Array.from({ length: 20 }, kqueue);
  for (const other of again) {
    forget(first);
    dup2(other, first);
    adoptQueue(first);
    change(first, ADD_USER);
    change(other, TRIGGER);
    kevent(other, null, list, 0);
    expect(list.length).toBe(1);
  }
});

describe('a queue with 28 wakers whose inner epoll is lost', () => {
  /** Each waker has another mark. */
  function withWakers() {
    const before = new Set(openFiles().map(([fd]) => fd));
    const queue = new Kqueue();
    const opened = openFiles().filter(([fd]) => !before.has(fd));
    const [inner] = opened
      .filter(([fd, path]) => fd !== queue.fd && path.includes('eventpoll'))
      .map(([fd]) => fd);
    const wakers = Array.from({ length: 28 }, () => queue.waker());
    const fds = wakers.map(({ handle }) => handle.words[WAKE.FD]);
    return { queue, inner, fds };
  }

  for (const isReopened of [false, true]) {
    const name = isReopened ? ' after it has reopened them' : '';
    onLinux(`closes all of them${name}`, () => {
      const before = descriptors();
      const { queue, inner, fds } = withWakers();
      if (isReopened) {
        fds.forEach(closeSync);
        // An idle queue checks its parts every 64 calls.
        for (let i = 0; i < 64; i++) queue.poll();
      }
      closeSync(inner);
      queue.close();
      expect(descriptors()).toEqual(before);
    });
  }

  onLinux('closes no file that has their numbers', () => {
    const { queue, inner, fds } = withWakers();
    const taken = [inner, ...fds];
    replaceAll(taken);
    queue.close();
    expect(taken.filter((fd) => !isOpen(fd))).toEqual([]);
    taken.forEach(closeSync);
  });
});

describe('where the system refuses marks', () => {
  const F_SETSIG = 10;
  const EPERM = 1;

  function kernelWithoutMarks(): LinuxKernel {
    const real = bindLibc();
    const refusing: Libc = {
      ...real,
      fcntl(fd, op, arg) {
        if (op !== F_SETSIG) return real.fcntl(fd, op, arg);
        real.setErrno(EPERM);
        return -1;
      },
    };
    return new LinuxKernel(refusing);
  }

  /** A queue with two inner epolls and a timerfd. */
  function unmarked() {
    const kernel = kernelWithoutMarks();
    const calls = syscallsOf(() => kernel);
    const kq = calls.kqueue();
    const [a] = socketpair();
    const before = new Set(openFiles().map(([fd]) => fd));
    calls.kevent(
      kq,
      [
        { ident: a, filter: EVFILT_READ, flags: EV_ADD },
        { ident: a, filter: EVFILT_WRITE, flags: EV_ADD | EV_CLEAR },
        { ident: 7, filter: EVFILT_TIMER, flags: EV_ADD, data: 60_000 },
        ADD_USER,
      ],
      null,
    );
    const made = openFiles().filter(([fd]) => !before.has(fd));
    const queue = kernel.queueOf(kq);
    if (queue === undefined) throw new Error('no queue');
    const { inner, side } = queue.epolls;
    const { eventfd } = queue.readyFlag;
    const parts = new Set([inner, side, eventfd, ...made.map(([fd]) => fd)]);
    return { ...calls, kq, a, inner, side, parts: [...parts] };
  }

  onLinux('a queue works, and so does a dup of it', () => {
    const { kq, a, kevent, close } = unmarked();
    const copy = dup(kq);
    forget(copy);
    expect(kevent(copy, [TRIGGER], list, 0)).toBe(2);
    expect([...list].map(({ ident }) => ident).sort()).toEqual([1, a].sort());
    close(copy);
    expect(kevent(kq, [TRIGGER], list, 0)).toBe(1);
    close(kq);
  });

  onLinux('the epolls inside a queue are no queues', () => {
    const { kq, inner, side, kevent, close } = unmarked();
    for (const fd of [inner, side]) {
      expect(() => kevent(fd, [TRIGGER], null)).toThrow('EBADF');
    }
    expect(kevent(kq, [TRIGGER], list, 0)).toBe(2);
    close(kq);
  });

  onLinux('a file with the number of a queue is no queue', () => {
    const kernel = kernelWithoutMarks();
    const { kqueue, kevent } = syscallsOf(() => kernel);
    const kq = kqueue();
    kevent(kq, [ADD_USER], null);
    replaceAll([kq]);
    adopt(kq);
    const add = { ...ADD_USER, ident: 2 };
    expect(() => kevent(kq, [add], null)).toThrow('EBADF');
  });

  onLinux('files with the numbers of its parts are not closed', () => {
    const { kq, parts, close } = unmarked();
    replaceAll(parts);
    close(kq);
    expect(parts.filter((fd) => !isOpen(fd))).toEqual([]);
    parts.forEach(closeSync);
  });
});

onLinux('a queue without parts is recognised by its mark alone', () => {
  const real = bindLibc();
  const kernel = new LinuxKernel({
    ...real,
    kcmp() {
      real.setErrno(1);
      return -1;
    },
  });
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  const queue = kernel.queueOf(kq);
  if (queue === undefined) throw new Error('no queue');
  kevent(kq, [ADD_USER], null);
  const copy = dup(kq);
  forget(copy);
  closeSync(queue.epolls.inner);
  closeSync(queue.readyFlag.eventfd);
  expect(kevent(copy, [TRIGGER], list, 0)).toBe(1);
  for (const fd of [kq, copy]) close(fd);
});
