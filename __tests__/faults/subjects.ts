// A source for each filter and kind of descriptor, and a function that makes it
// ready.
import { appendFileSync, mkdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { constants } from 'node:os';
import type { Syscalls } from '../../src/calls/syscalls.js';
import type { KeventInit } from '../../src/index.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DISPATCH,
  EV_ONESHOT,
  EVFILT_EXCEPT,
  EVFILT_FS,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  NOTE_ABSOLUTE,
  NOTE_DELETE,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_LOWAT,
  NOTE_MACH_CONTINUOUS_TIME,
  NOTE_OOB,
  NOTE_RENAME,
  NOTE_SECONDS,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import {
  closeElsewhere,
  fifo,
  file,
  open,
  path,
  pipe,
  signal,
  socketpair,
  tcpClient,
  tcpListener,
  tcpPair,
  terminal,
  unixSocket,
} from '../conformance/world.js';
import { end, sleeper } from './child.js';

/** The three calls, and a queue made with them. */
export interface Stage extends Syscalls {
  readonly kq: number;
  /** Another queue, closed with the first. */
  another(): number;
  /** A number that is a queue's is to be closed in the end. */
  adopt(fd: number): void;
}

/** Something to watch. */
export interface Subject {
  readonly init: KeventInit;
  /** Make it happen; without it, it never does here. */
  readonly happen?: (stage: Stage) => unknown;
  /** It happens by itself, as soon as it is watched. */
  readonly isReady?: boolean;
}

type Make = (stage: Stage) => Subject;

const add = (init: Omit<KeventInit, 'flags'>, flags = 0): KeventInit => ({
  ...init,
  flags: EV_ADD | flags,
});

const readPipe = (flags: number): Make => {
  return () => {
    const [r, w] = pipe();
    const init = add({ ident: r, filter: EVFILT_READ }, flags);
    return { init, happen: () => libc.write(w, 1) };
  };
};

const timer = (fflags: number, data: number): Make => {
  return () => ({
    init: add({ ident: 1, filter: EVFILT_TIMER, fflags, data }),
    isReady: true,
  });
};

const vnode = (
  fflags: number,
  happen: (at: string) => unknown,
  directory = false,
): Make => {
  return () => {
    const at = path('vnode');
    if (directory) mkdirSync(at);
    const fd = directory ? open(at, 'r') : file(0, 'vnode').fd;
    const init = add({ ident: fd, filter: EVFILT_VNODE, fflags }, EV_CLEAR);
    return { init, happen: () => happen(at) };
  };
};

const process = (fflags: number): Make => {
  return () => {
    const pid = sleeper();
    const init = add({ ident: pid, filter: EVFILT_PROC, fflags });
    return { init, happen: () => end(pid) };
  };
};

const user = (flags: number): Make => {
  return () => {
    const key = { ident: 1, filter: EVFILT_USER };
    return {
      init: add(key, flags),
      happen: ({ kq, kevent }) =>
        kevent(kq, [{ ...key, fflags: NOTE_TRIGGER }], null),
    };
  };
};

const { SIGUSR2 } = constants.signals;

/** All, by what they are called in a report. */
export const SUBJECTS: Readonly<Record<string, Make>> = {
  'bytes in a pipe': readPipe(0),
  'new bytes in a pipe': readPipe(EV_CLEAR),
  'bytes in a pipe, once': readPipe(EV_ONESHOT),
  'bytes in a pipe, then disabled': readPipe(EV_DISPATCH),
  'enough bytes in a pipe'() {
    const [r, w] = pipe();
    const mark = { fflags: NOTE_LOWAT, data: 3 };
    const init = add({ ident: r, filter: EVFILT_READ, ...mark });
    return { init, happen: () => libc.write(w, 3) };
  },
  'the end of a pipe'() {
    const [r, w] = pipe();
    const init = add({ ident: r, filter: EVFILT_READ });
    return { init, happen: () => closeElsewhere(w) };
  },
  'room in a pipe'() {
    const [r, w] = pipe();
    libc.fill(w);
    const init = add({ ident: w, filter: EVFILT_WRITE });
    return { init, happen: () => libc.drain(r) };
  },
  'the end of a pipe that is written to'() {
    const [r, w] = pipe();
    libc.fill(w);
    const init = add({ ident: w, filter: EVFILT_WRITE });
    return { init, happen: () => closeElsewhere(r) };
  },
  'bytes in a FIFO'() {
    const [r, w] = fifo();
    const init = add({ ident: r, filter: EVFILT_READ });
    return { init, happen: () => libc.write(w, 1) };
  },
  'room in a FIFO'() {
    const [r, w] = fifo();
    libc.fill(w);
    const init = add({ ident: w, filter: EVFILT_WRITE });
    return { init, happen: () => libc.drain(r) };
  },
  'bytes in a socket'() {
    const [a, b] = socketpair();
    const init = add({ ident: a, filter: EVFILT_READ });
    return { init, happen: () => libc.write(b, 1) };
  },
  'the end of a socket'() {
    const [a, b] = socketpair();
    const init = add({ ident: a, filter: EVFILT_READ });
    return { init, happen: () => libc.shutdown(b, 'WR') };
  },
  'room in a socket'() {
    const [a, b] = socketpair();
    libc.fill(a);
    const init = add({ ident: a, filter: EVFILT_WRITE });
    return { init, happen: () => libc.drain(b) };
  },
  'a socket that may not send'() {
    const [a] = socketpair();
    const init = add({ ident: a, filter: EVFILT_WRITE });
    return { init, happen: () => libc.shutdown(a, 'WR') };
  },
  'a datagram'() {
    const [a, b] = socketpair(libc.SOCK_DGRAM);
    const init = add({ ident: a, filter: EVFILT_READ });
    return { init, happen: () => libc.write(b, 1) };
  },
  'a datagram socket that may not send'() {
    const [a] = socketpair(libc.SOCK_DGRAM);
    const init = add({ ident: a, filter: EVFILT_WRITE });
    return { init, happen: () => libc.shutdown(a, 'WR') };
  },
  'both directions of a socket'({ kq, kevent }) {
    const [a, b] = socketpair();
    libc.fill(a);
    kevent(kq, [add({ ident: a, filter: EVFILT_WRITE })], null);
    const init = add({ ident: a, filter: EVFILT_READ });
    return { init, happen: () => libc.write(b, 1) };
  },
  'bytes of TCP'() {
    const [a, b] = tcpPair();
    const init = add({ ident: a, filter: EVFILT_READ });
    return { init, happen: () => libc.write(b, 1) };
  },
  'room of TCP'() {
    const [a] = tcpPair();
    return { init: add({ ident: a, filter: EVFILT_WRITE }), isReady: true };
  },
  'urgent bytes of TCP'() {
    const [a, b] = tcpPair();
    const init = { ident: a, filter: EVFILT_EXCEPT, fflags: NOTE_OOB };
    return { init: add(init), happen: () => libc.send(b, 1, libc.MSG_OOB) };
  },
  'a connection'() {
    const listening = unixSocket();
    const at = path('socket');
    libc.bindTo(listening, at);
    libc.listen(listening);
    const init = add({ ident: listening, filter: EVFILT_READ });
    return { init, happen: () => libc.connect(unixSocket(), at) };
  },
  'a connection of TCP'() {
    const { fd, port } = tcpListener();
    const init = add({ ident: fd, filter: EVFILT_READ });
    return { init, happen: () => tcpClient(port) };
  },
  'a line of a terminal'() {
    const { master, slave } = terminal();
    const init = add({ ident: slave, filter: EVFILT_READ });
    return { init, happen: () => libc.writeText(master, 'x\n') };
  },
  'room in a terminal'() {
    const { slave } = terminal();
    return { init: add({ ident: slave, filter: EVFILT_WRITE }), isReady: true };
  },
  'bytes of a file'() {
    const { fd, at } = file(0, 'growing');
    const init = add({ ident: fd, filter: EVFILT_READ });
    return { init, happen: () => appendFileSync(at, 'x') };
  },
  'room in a file'() {
    const { fd } = file(0, 'written');
    return { init: add({ ident: fd, filter: EVFILT_WRITE }), isReady: true };
  },
  'a device to read'() {
    const init = { ident: open('/dev/null', 'r'), filter: EVFILT_READ };
    const mark = { fflags: NOTE_LOWAT, data: 1 };
    return { init: add({ ...init, ...mark }), isReady: true };
  },
  'a device to write'() {
    const init = { ident: open('/dev/null', 'w'), filter: EVFILT_WRITE };
    const mark = { fflags: NOTE_LOWAT, data: 1 };
    return { init: add({ ...init, ...mark }), isReady: true };
  },
  'a write to a file': vnode(NOTE_WRITE, (at) => appendFileSync(at, 'x')),
  'the removal of a file': vnode(NOTE_DELETE, unlinkSync),
  'an entry of a directory': vnode(
    NOTE_WRITE,
    (at) => mkdirSync(`${at}/entry`),
    true,
  ),
  'the removal of a directory': vnode(
    NOTE_DELETE | NOTE_RENAME,
    rmdirSync,
    true,
  ),
  'the exit of a process': process(NOTE_EXIT),
  'the status of a process': process(NOTE_EXIT | NOTE_EXITSTATUS),
  'a signal'() {
    const init = add({ ident: SIGUSR2, filter: EVFILT_SIGNAL });
    return { init, happen: () => signal('SIGUSR2') };
  },
  'a timer that is due': timer(0, 0),
  'a timer that will be due': timer(0, 1),
  'a timer that counts sleep': timer(NOTE_MACH_CONTINUOUS_TIME, 1),
  'a time that is past': timer(NOTE_SECONDS | NOTE_ABSOLUTE, 1),
  'a trigger': user(0),
  'a trigger, told once': user(EV_CLEAR),
  'another queue'({ kevent, another }) {
    const kq = another();
    const key = { ident: 2, filter: EVFILT_USER };
    kevent(kq, [add(key)], null);
    return {
      init: add({ ident: kq, filter: EVFILT_READ }),
      happen: () => kevent(kq, [{ ...key, fflags: NOTE_TRIGGER }], null),
    };
  },
  'a queue over a pipe and a socket'({ kevent, another }) {
    const kq = another();
    const [r, w] = pipe();
    const [a] = socketpair();
    libc.fill(a);
    const changes = [
      add({ ident: r, filter: EVFILT_READ }),
      // A separate inner epoll.
      add({ ident: a, filter: EVFILT_READ }),
      add({ ident: a, filter: EVFILT_WRITE }),
    ];
    kevent(kq, changes, null);
    const init = add({ ident: kq, filter: EVFILT_READ });
    return { init, happen: () => libc.write(w, 1) };
  },
  'a change of the mounts': () => ({
    init: add({ ident: 0, filter: EVFILT_FS }),
  }),
};
