// The descriptors that queues use, and their behaviour when none is left.
// Nothing leaks, however a registration ends.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import {
  close,
  EVFILT_FS,
  EVFILT_PROC,
  type KeventInit,
  KeventList,
  kevent,
  kqueue,
  NOTE_EXIT,
} from '../../src/index.js';
import { codeOf } from '../conformance/calls.js';
import { gate } from '../conformance/cases.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import {
  closeElsewhere,
  descriptors,
  file,
  isolate,
  pipe,
  socketpair,
  close as worldClose,
} from '../conformance/world.js';
import { onLinux, openCount, openLimit } from '../support/fds.js';

isolate();

/** One registration of each filter there is, on things that are open. */
function everyFilter(): KeventInit[] {
  const [r, w] = pipe();
  const [a] = socketpair();
  const { fd } = file(4);
  const child = kqueue();
  children.push(child);
  return [
    { ident: r, filter: EVFILT_READ },
    { ident: w, filter: EVFILT_WRITE, flags: EV_CLEAR },
    { ident: a, filter: EVFILT_READ },
    { ident: a, filter: EVFILT_WRITE },
    { ident: a, filter: EVFILT_EXCEPT },
    { ident: fd, filter: EVFILT_READ },
    { ident: fd, filter: EVFILT_VNODE, fflags: NOTE_WRITE },
    { ident: child, filter: EVFILT_READ },
    { ident: 1, filter: EVFILT_TIMER, data: 60_000 },
    { ident: 1, filter: EVFILT_USER },
    { ident: constants.signals.SIGUSR2, filter: EVFILT_SIGNAL },
    { ident: process.ppid, filter: EVFILT_PROC ?? 0, fflags: NOTE_EXIT ?? 0 },
    { ident: 0, filter: EVFILT_FS ?? 0 },
  ].map((init) => ({ ...init, flags: (init.flags ?? 0) | EV_ADD }));
}

const children: number[] = [];
afterEach(() => children.splice(0).forEach(close));

onLinux('no descriptor of a queue is inherited by a child', () => {
  const before = new Set(descriptors());
  const kq = kqueue();
  kevent(kq, everyFilter(), null);
  const made = (descriptors() ?? [])
    .filter((line) => !before.has(line))
    .filter((line) => /anon_inode|inotify|mountinfo/.test(line));
  // Epolls, an eventfd, a timerfd, an inotify, a pidfd, the mount table.
  expect(new Set(made.map((line) => line.replace(/^\d+ /, ''))).size).toBe(6);
  for (const line of made) {
    const flags = libc.descriptorFlags(Number.parseInt(line, 10));
    expect([line, flags & libc.FD_CLOEXEC]).toEqual([line, libc.FD_CLOEXEC]);
  }
  close(kq);
});

onLinux('closing a queue with every filter leaves nothing open', () => {
  const changes = everyFilter();
  const before = descriptors();
  for (let i = 0; i < 100; i++) {
    const kq = kqueue();
    kevent(kq, changes, null);
    close(kq);
  }
  expect(descriptors()).toEqual(before);
});

onLinux(
  'deleted registrations do not keep files open until the queue is closed',
  () => {
    const changes = everyFilter();
    const kq = kqueue();
    const deletions = changes.map((init) => ({ ...init, flags: EV_DELETE }));
    kevent(kq, changes, null);
    kevent(kq, deletions, null);
    const once = openCount();
    for (let i = 0; i < 100; i++) {
      kevent(kq, changes, null);
      kevent(kq, deletions, null);
    }
    expect(openCount()).toBe(once);
    close(kq);
  },
);

/** The signals that this process catches, as the system knows them. */
function caughtSignals(): string {
  const status = readFileSync('/proc/self/status', 'latin1');
  return /^SigCgt:\s*(\w+)$/m.exec(status)?.[1] ?? '';
}

onLinux('closing a queue does not leave a signal caught', () => {
  const before = caughtSignals();
  const kq = kqueue();
  const ident = constants.signals.SIGUSR2;
  kevent(kq, [{ ident, filter: EVFILT_SIGNAL, flags: EV_ADD }], null);
  expect(caughtSignals()).not.toBe(before);
  close(kq);
  expect(caughtSignals()).toBe(before);
});

const QUEUES = 1000;
gate(
  process.platform === 'linux' && openLimit() > 4 * QUEUES,
  'the limit of open files is too low',
)('a thousand queues work side by side and leak nothing', () => {
  const before = descriptors();
  const all = Array.from({ length: QUEUES }, kqueue);
  const user = { ident: 1, filter: EVFILT_USER };
  const list = new KeventList(4);
  for (const [i, kq] of all.entries()) {
    kevent(kq, [{ ...user, flags: EV_ADD | EV_CLEAR, udata: i }], null);
  }
  for (const [i, kq] of all.entries()) {
    if (i % 2 === 0) continue;
    kevent(kq, [{ ...user, fflags: NOTE_TRIGGER, udata: i }], null);
  }
  for (const [i, kq] of all.entries()) {
    expect(kevent(kq, null, list, 0)).toBe(i % 2);
    if (i % 2 === 1) expect(list.udata(0)).toBe(i);
  }
  all.forEach(close);
  expect(descriptors()).toEqual(before);
});

onLinux('ten thousand registrations do not need a descriptor each', () => {
  const KNOTES = 10_000;
  const kq = kqueue();
  const list = new KeventList(KNOTES);
  const timer = { filter: EVFILT_TIMER, flags: EV_ADD, data: 60_000 };
  kevent(kq, [{ ...timer, ident: 0 }], null);
  const before = openCount();
  for (let ident = 0; ident < KNOTES; ident++) {
    if (ident % 2 === 0) list.push({ ...timer, ident });
    else list.push({ ident, filter: EVFILT_USER, flags: EV_ADD | EV_CLEAR });
  }
  expect(kevent(kq, list, null)).toBe(0);
  expect(openCount()).toBe(before);
  list.clear();
  for (let ident = 1; ident < KNOTES; ident += 2) {
    list.push({ ident, filter: EVFILT_USER, fflags: NOTE_TRIGGER });
  }
  kevent(kq, list, null);
  const seen: (number | bigint)[] = [];
  const events = new KeventList(64);
  while (kevent(kq, null, events, 0) > 0) {
    for (let i = 0; i < events.length; i++) seen.push(events.ident(i));
  }
  // Each once, in the order in which they were triggered.
  expect(seen).toEqual([...list].map(({ ident }) => ident));
  close(kq);
});

onLinux('a thousand watched descriptors are dropped by closing them', () => {
  const MOST = 1000;
  const kq = kqueue();
  const pipes = Array.from({ length: MOST }, pipe);
  const changes = pipes.map(([ident]) => ({
    ident,
    filter: EVFILT_READ,
    flags: EV_ADD,
  }));
  kevent(kq, changes, null);
  for (const [, w] of pipes) libc.write(w, 1);
  const events = new KeventList(MOST);
  expect(kevent(kq, null, events, 0)).toBe(MOST);
  for (const [i, [r]] of pipes.entries()) {
    if (i % 2 === 0) worldClose(r);
    else closeElsewhere(r);
  }
  expect(kevent(kq, null, events, 0)).toBe(0);
  close(kq);
});

describe('a queue that other code closed', () => {
  const list = new KeventList(4);
  const user = { ident: 1, filter: EVFILT_USER };
  const triggered = { ...user, flags: EV_ADD, fflags: NOTE_TRIGGER };

  onLinux('fails with EBADF and frees its descriptors', () => {
    const changes = everyFilter();
    const before = descriptors();
    const kq = kqueue();
    kevent(kq, changes, null);
    closeSync(kq);
    expect(codeOf(() => kevent(kq, [triggered], list, 0))).toBe('EBADF');
    expect(codeOf(() => close(kq))).toBe('EBADF');
    expect(descriptors()).toEqual(before);
  });

  onLinux('fails with EBADF if a file reuses its descriptor', () => {
    const kq = kqueue();
    kevent(kq, [triggered], null);
    closeSync(kq);
    const taken = openSync('/dev/null', 'r');
    expect(taken).toBe(kq);
    expect(codeOf(() => kevent(kq, null, list, 0))).toBe('EBADF');
    expect(codeOf(() => kevent(kq, [triggered], null))).toBe('EBADF');
    close(taken);
    expect(codeOf(() => close(taken))).toBe('EBADF');
  });

  onLinux('is independent of a new queue that reuses its descriptor', () => {
    const before = descriptors();
    const kq = kqueue();
    const [r, w] = pipe();
    kevent(
      kq,
      [triggered, { ident: r, filter: EVFILT_READ, flags: EV_ADD }],
      null,
    );
    closeSync(kq);
    const again = kqueue();
    expect(again).toBe(kq);
    libc.write(w, 1);
    expect(kevent(again, null, list, 0)).toBe(0);
    expect(kevent(again, [triggered], list, 0)).toBe(1);
    close(again);
    closeElsewhere(r);
    closeElsewhere(w);
    expect(descriptors()).toEqual(before);
  });
});
