// The descriptor of a queue, polled by others: it is readable if a call would
// return events, and not after an empty poll.
import { openSync } from 'node:fs';
import { constants } from 'node:os';
import fc from 'fast-check';
import {
  type KeventInit,
  KeventList,
  KqueueError,
  kevent,
} from '../../src/index.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
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
  adopt,
  dispose,
  file,
  inetSocket,
  isolate,
  kqueue,
  pipe,
  signal,
  socketpair,
  unixSocket,
} from '../conformance/world.js';
import { isReported, onLinux, watch } from '../support/fds.js';

isolate();

const events = new KeventList(64);
const collect = (kq: number): number => kevent(kq, null, events, 0);
const isReadable = (fd: number): boolean =>
  (libc.poll(fd, libc.POLLIN) & libc.POLLIN) !== 0;

const open = (path: string): number => adopt(openSync(path, 'r+'));

const user = { ident: 9, filter: EVFILT_USER };
const change = (kq: number, init: KeventInit): number =>
  kevent(kq, [init], null);

onLinux('a socket that is not connected does not make it readable', () => {
  for (const fd of [inetSocket(), unixSocket()]) {
    const kq = kqueue();
    change(kq, { ident: fd, filter: EVFILT_WRITE, flags: EV_ADD });
    expect(isReadable(kq)).toBe(false);
    const parent = kqueue();
    change(parent, { ident: kq, filter: EVFILT_READ, flags: EV_ADD });
    expect(collect(parent)).toBe(0);
  }
});

onLinux('signals that it does not count do not make it readable', () => {
  const [kq, other] = [kqueue(), kqueue()];
  const { SIGUSR2, SIGKILL } = constants.signals;
  const counted = { ident: SIGUSR2, filter: EVFILT_SIGNAL };
  for (const queue of [kq, other]) change(queue, { ...counted, flags: EV_ADD });
  // Accepted, and never delivered.
  change(kq, { ident: SIGKILL, filter: EVFILT_SIGNAL, flags: EV_ADD });
  change(kq, { ...counted, flags: EV_DELETE });
  signal('SIGUSR2');
  expect(isReadable(kq)).toBe(false);
  expect(collect(other)).toBe(1);
});

/** Do it, unless there is nothing to read, or no room, or no such thing. */
function attempt(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    const refused =
      error instanceof libc.LibcError || error instanceof KqueueError;
    if (!refused) throw error;
  }
}

/** Things to watch, and things that happen to them. */
function scene(): {
  registrations: readonly KeventInit[];
  acts: readonly (() => unknown)[];
} {
  const [r, w] = pipe();
  const [a, b] = socketpair();
  for (const fd of [r, w, a, b]) libc.setNonblocking(fd);
  const written = open(file(0).at);
  const child = kqueue();
  change(child, { ...user, flags: EV_ADD | EV_CLEAR });
  return {
    registrations: [
      { ident: r, filter: EVFILT_READ },
      { ident: w, filter: EVFILT_WRITE },
      { ident: a, filter: EVFILT_READ },
      { ident: a, filter: EVFILT_WRITE },
      { ident: 1, filter: EVFILT_USER },
      { ident: 1, filter: EVFILT_USER, fflags: NOTE_TRIGGER },
      { ident: 1, filter: EVFILT_TIMER, data: 0 },
      { ident: written, filter: EVFILT_VNODE, fflags: NOTE_WRITE },
      { ident: child, filter: EVFILT_READ },
    ],
    acts: [
      () => libc.write(w, 1),
      () => libc.fill(w, 4096),
      () => libc.readNow(r, 1),
      () => libc.drain(r),
      () => libc.write(b, 3),
      () => libc.drain(a),
      () => libc.fill(a, 4096),
      () => libc.drain(b),
      () => libc.write(written, 1),
      () => change(child, { ...user, fflags: NOTE_TRIGGER }),
      () => collect(child),
    ],
  };
}

const FLAGS = [
  EV_ADD,
  EV_ADD | EV_CLEAR,
  EV_ADD | EV_ONESHOT,
  EV_ADD | EV_DISPATCH,
  EV_ADD | EV_DISABLE,
  EV_ENABLE,
  EV_DISABLE,
  EV_DELETE,
];

/** Something happens, or with flags a registration is changed. */
const step = fc.record({
  which: fc.nat(98),
  flags: fc.option(fc.constantFrom(...FLAGS), { nil: undefined }),
});

onLinux(
  'a queue is readable if a call would return events, and not after an empty poll',
  () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const kq = kqueue();
        const level = adopt(watch(kq));
        const edge = adopt(watch(kq, { edge: true }));
        const { registrations, acts } = scene();
        for (const { which, flags } of steps) {
          if (collect(kq) === 0) {
            expect([isReadable(kq), isReported(level)]).toEqual([false, false]);
          }
          // Both kinds of watchers have seen the current state of the queue.
          isReported(edge);
          const wasReadable = isReadable(kq);
          attempt(() => {
            if (flags === undefined) return acts[which % acts.length]();
            const chosen = registrations[which % registrations.length];
            return change(kq, { ...chosen, flags });
          });
          const states = [isReadable(kq), isReported(level)];
          const edged = isReported(edge);
          if (collect(kq) === 0) continue;
          expect(states).toEqual([true, true]);
          expect(wasReadable || edged).toBe(true);
        }
        dispose();
      }),
      { numRuns: 200 },
    );
  },
);
