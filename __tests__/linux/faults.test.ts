// Each call to Linux that creates something fails once. A refused change fails
// as documented, an accepted one works, nothing leaks.
import { appendFileSync } from 'node:fs';
import { constants } from 'node:os';
import { type Syscalls, syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import { type KeventInit, KeventList } from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { codeOf } from '../conformance/calls.js';
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_EXIT,
  NOTE_MACH_CONTINUOUS_TIME,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import {
  child,
  descriptors,
  dispose,
  dup2,
  file,
  isolate,
  path,
  pipe,
  signal,
  socketpair,
  unixSocket,
} from '../conformance/world.js';
import { faultyLibc } from '../faults/faulty-libc.js';
import { onLinux } from '../support/fds.js';

isolate();

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const LINUX = { ENOMEM: 12, EMFILE: 24, ENOSPC: 28 } as const;

/** What can fail for want of something, and how it then does. */
const FAULTS: readonly [keyof Libc, keyof typeof LINUX][] = [
  ['epollCreate', 'EMFILE'],
  ['eventfd', 'EMFILE'],
  ['epollCtl', 'ENOMEM'],
  ['epollCtl', 'ENOSPC'],
  ['timerfdCreate', 'EMFILE'],
  ['inotifyInit', 'EMFILE'],
  ['inotifyAddWatch', 'ENOSPC'],
  ['pidfdOpen', 'EMFILE'],
  ['pipe', 'EMFILE'],
  ['socket', 'EMFILE'],
];

type Native = (...args: number[]) => number;

/** The functions of a libc, each wrapped. */
const wrapped = (
  libc: Libc,
  wrap: (name: string, original: Native) => Native,
): Libc => {
  const members = Object.entries(libc).map(([name, member]) => [
    name,
    typeof member === 'function' ? wrap(name, member) : member,
  ]);
  return Object.fromEntries(members);
};

/** A kernel over a libc in which one function's `nth` success fails. */
function failing(name: keyof Libc, errno: number, nth: number) {
  let successes = 0;
  let failed = 0;
  const call = (original: Native, args: number[]): number => {
    const adds = name === 'epollCtl' && args[1] === EPOLL_CTL_ADD;
    if (name === 'epollCtl' && !adds) return original(...args);
    // An existing entry is not added, so only the first add can fail.
    const result = adds ? original(...args) : 0;
    if (result < 0) return result;
    if (successes++ !== nth) return adds ? result : original(...args);
    if (adds) original(args[0], EPOLL_CTL_DEL, args[2], 0);
    failed = errno;
    return -1;
  };
  const kernel = createLinuxKernel(
    wrapped(bindLibc(), (callee, original) => {
      if (callee === 'errno') return () => failed || original();
      return (...args) => {
        // Like the real errno, it is what the last failing call says.
        const before = failed;
        failed = 0;
        const result =
          callee === name ? call(original, args) : original(...args);
        if (result >= 0) failed = before;
        return result;
      };
    }),
  );
  return {
    syscalls: syscallsOf(() => kernel),
    happened: () => successes > nth,
  };
}

/** Something to watch, and how to make it happen. */
interface Subject {
  readonly init: KeventInit;
  readonly happen: () => unknown;
}

const subject = (
  init: KeventInit,
  happen: () => unknown = () => {},
): Subject => ({
  init: { ...init, flags: (init.flags ?? 0) | EV_ADD },
  happen,
});

/** Something for each filter, and for each way it is watched. */
function subjects(): Subject[] {
  const [r, w] = pipe();
  const [edgeR, edgeW] = pipe();
  const [a, b] = socketpair();
  libc.fill(a);
  const { fd } = file(4);
  const { fd: vnode, at } = file(0, 'vnode');
  const started = child();
  const listening = unixSocket();
  libc.bindTo(listening, path('socket'));
  libc.listen(listening);
  const { SIGUSR2 } = constants.signals;
  return [
    subject({ ident: r, filter: EVFILT_READ }, () => libc.write(w, 1)),
    subject({ ident: edgeR, filter: EVFILT_READ, flags: EV_CLEAR }, () =>
      libc.write(edgeW, 1),
    ),
    subject({ ident: w, filter: EVFILT_WRITE }),
    subject({ ident: listening, filter: EVFILT_READ }, () =>
      libc.connect(unixSocket(), path('socket')),
    ),
    subject({ ident: a, filter: EVFILT_READ }, () => libc.write(b, 1)),
    subject({ ident: a, filter: EVFILT_WRITE }, () => libc.drain(b)),
    subject({ ident: fd, filter: EVFILT_READ }),
    subject({ ident: vnode, filter: EVFILT_VNODE, fflags: NOTE_WRITE }, () =>
      appendFileSync(at, 'x'),
    ),
    subject({ ident: 1, filter: EVFILT_TIMER, data: 0 }),
    subject({
      ident: 2,
      filter: EVFILT_TIMER,
      data: 0,
      fflags: NOTE_MACH_CONTINUOUS_TIME,
    }),
    subject({ ident: 1, filter: EVFILT_USER, fflags: NOTE_TRIGGER }),
    subject({ ident: SIGUSR2, filter: EVFILT_SIGNAL }, () => signal('SIGUSR2')),
    subject(
      { ident: started.pid, filter: EVFILT_PROC, fflags: NOTE_EXIT },
      () => started.end(0),
    ),
  ];
}

const nameOf = ({
  ident,
  filter,
}: {
  ident: number | bigint;
  filter: number;
}) => `${filter} ${ident}`;

const PROMISED = ['none', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'ENOTSUP'];

/** Register all, trigger the accepted ones, and return the failures. */
function play({ kqueue, kevent, close }: Syscalls): string[] {
  const all = subjects();
  let kq = -1;
  expect(PROMISED).toContain(codeOf(() => (kq = kqueue())));
  if (kq < 0) return [];
  try {
    const odd: string[] = [];
    const accepted = all.filter(({ init }) => {
      const code = codeOf(() => kevent(kq, [init], null));
      if (!PROMISED.includes(code)) odd.push(`${nameOf(init)} is ${code}`);
      return code === 'none';
    });
    expect(accepted.length).toBeGreaterThanOrEqual(all.length - 2);
    for (const { happen } of accepted) happen();
    const silent = new Set(accepted.map(({ init }) => nameOf(init)));
    if (libc.poll(kq) !== libc.POLLIN) silent.add('the queue to poll(2)');
    const events = new KeventList(64);
    const POLLS = 5;
    for (let polls = 0; polls < POLLS && silent.size > 0; polls++) {
      kevent(kq, null, events, 100);
      for (const event of events) silent.delete(nameOf(event));
    }
    return [...odd, ...silent];
  } finally {
    close(kq);
  }
}

const MOST = 100;

for (const [name, errno] of FAULTS) {
  onLinux(`works otherwise when any ${name} fails with ${errno}`, () => {
    const wrong: string[] = [];
    let nth = 0;
    for (let more = true; more && nth < MOST; nth++) {
      const before = descriptors();
      const { syscalls, happened } = failing(name, LINUX[errno], nth);
      const faults = play(syscalls);
      wrong.push(...faults.map((what) => `${what}, without call ${nth}`));
      dispose();
      expect([nth, descriptors()]).toEqual([nth, before]);
      more = happened();
    }
    expect(wrong).toEqual([]);
    // It is really called, and not for ever.
    expect(nth).toBeGreaterThan(1);
    expect(nth).toBeLessThan(MOST);
  });
}

for (const [errno, reported] of [
  // There are too many paths from the file to this queue.
  ['EINVAL', 'ENOMEM'],
  // An epoll of other code, and a device whose driver has no poll.
  ['ELOOP', 'ENOTSUP'],
  ['EPERM', 'ENOTSUP'],
  ['ENOSPC', 'ENOSPC'],
  // Linux has one number for both, Darwin has two.
  ['EOPNOTSUPP', 'ENOTSUP'],
] as const) {
  onLinux(`a descriptor that epoll refuses (${errno}) is ${reported}`, () => {
    const { libc, arm, disarm } = faultyLibc(bindLibc());
    const kernel = createLinuxKernel(libc);
    const { kqueue, kevent, close } = syscallsOf(() => kernel);
    const kq = kqueue();
    const [ident] = pipe();
    const add = { ident, filter: EVFILT_READ, flags: EV_ADD };
    arm({ call: 'epollCtl.add', nth: 0, errno, forEver: true });
    expect(codeOf(() => kevent(kq, [add], null))).toBe(reported);
    disarm();
    kevent(kq, [add], null);
    close(kq);
  });
}

onLinux('loses no registration while nothing can be added to an epoll', () => {
  let isShort = false;
  let failed = 0;
  const kernel = createLinuxKernel(
    wrapped(bindLibc(), (callee, original) => {
      if (callee === 'errno') return () => failed || original();
      return (...args) => {
        const adds = callee === 'epollCtl' && args[1] === EPOLL_CTL_ADD;
        // Even of what it has already, as no Linux would say.
        failed = isShort && adds ? LINUX.ENOMEM : 0;
        return failed === 0 ? original(...args) : -1;
      };
    }),
  );
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  try {
    const [r, w] = pipe();
    kevent(kq, [{ ident: r, filter: EVFILT_READ, flags: EV_ADD }], null);
    isShort = true;
    const list = new KeventList(4);
    for (const bytes of [1, 2, 3, 4, 5]) {
      libc.write(w, 1);
      expect(kevent(kq, null, list, 0)).toBe(1);
      expect(list.data(0)).toBe(bytes);
    }
    // Nor does it take another file for the registered one.
    const [other, toOther] = pipe();
    libc.write(toOther, 1);
    dup2(other, r);
    expect(kevent(kq, null, list, 0)).toBe(0);
  } finally {
    close(kq);
  }
});
