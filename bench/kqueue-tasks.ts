/** The tasks compared with libkqueue, by the same calls of this package. */
import { writeSync } from 'node:fs';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue-ffi';
import { makePipe } from './system.js';
import { UDATA } from './values.js';

export interface KqueueTask {
  readonly name: string;
  readonly units: number;
  setUp(): (n: number) => void;
}

const HOUR = 3_600_000;
const events = new KeventList(64);

const readable = (fd: number, i = 0) => ({
  ident: fd,
  filter: EVFILT_READ,
  flags: EV_ADD,
  udata: UDATA + i,
});

/** A queue that watches idle pipes besides the measured one. */
function queueWithIdle(count: number): number {
  const kq = kqueue();
  for (let i = 0; i < count; i++) {
    kevent(kq, [readable(makePipe()[0], i)], null);
  }
  return kq;
}

const must = (count: number, expected: number): void => {
  if (count !== expected) throw new Error('some were not reported');
};

/** Poll a queue that so many pipes are ready in. */
function poll(kq: number, ready: number): (n: number) => void {
  for (let i = 0; i < ready; i++) {
    const [reader, writer] = makePipe();
    writeSync(writer, '12345');
    kevent(kq, [readable(reader, i)], null);
  }
  return (n) => {
    for (let i = 0; i < n; i++) must(kevent(kq, null, events, 0), ready);
  };
}

function addAndDelete(kq: number, init: { ident: number; filter: number }) {
  const timer = init.filter === EVFILT_TIMER ? { data: HOUR } : {};
  const add = KeventList.of({ ...init, ...timer, flags: EV_ADD, udata: UDATA });
  const remove = KeventList.of({ ...init, flags: EV_DELETE });
  return (n: number): void => {
    for (let i = 0; i < n; i++) {
      kevent(kq, add, null);
      kevent(kq, remove, null);
    }
  };
}

function trigger(calls: 1 | 2): (n: number) => void {
  const kq = kqueue();
  const user = { ident: 1, filter: EVFILT_USER };
  const flags = EV_ADD | EV_CLEAR;
  kevent(kq, [{ ...user, flags, udata: UDATA }], null);
  const list = KeventList.of({ ...user, fflags: NOTE_TRIGGER });
  return (n) => {
    for (let i = 0; i < n; i++) {
      if (calls === 2) kevent(kq, list, null);
      must(kevent(kq, calls === 1 ? list : null, events, 0), 1);
    }
  };
}

export const kqueueTasks: Readonly<Record<string, KqueueTask>> = {
  empty: {
    name: 'poll, nothing ready',
    units: 1,
    setUp: () => poll(queueWithIdle(1), 0),
  },
  ready: {
    name: 'poll, one ready pipe of ten',
    units: 1,
    setUp: () => poll(queueWithIdle(9), 1),
  },
  ready64: {
    name: 'poll, 64 ready pipes, per event',
    units: 64,
    setUp: () => poll(kqueue(), 64),
  },
  user: {
    name: 'user event, one call',
    units: 1,
    setUp: () => trigger(1),
  },
  user2: {
    name: 'user event, two calls',
    units: 1,
    setUp: () => trigger(2),
  },
  pipe: {
    name: 'add and delete a pipe, per change',
    units: 2,
    setUp: () =>
      addAndDelete(queueWithIdle(1), {
        ident: makePipe()[0],
        filter: EVFILT_READ,
      }),
  },
  timer: {
    name: 'add and delete a timer, per change',
    units: 2,
    setUp: () => addAndDelete(kqueue(), { ident: 1, filter: EVFILT_TIMER }),
  },
};
