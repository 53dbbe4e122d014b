/** The built-in kqueue against the calls to Linux that it is made of. */
import {
  close,
  EV_ADD,
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_USER,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue-ffi';
import type { Subject } from './measure.js';
import * as system from './system.js';

const queues: number[] = [];

function queueWith(idents: readonly number[]): number {
  const kq = kqueue();
  queues.push(kq);
  const changes = idents.map((ident) => ({
    ident,
    filter: EVFILT_READ,
    flags: EV_ADD,
  }));
  kevent(kq, changes, null);
  return kq;
}

const events = new KeventList(64);

/** Nothing is ready: what a loop that has nothing to do costs. */
function emptyPoll(idle: number): Subject {
  const fds: number[] = [];
  while (fds.length < idle) fds.push(...system.makeSockets());
  fds.length = idle;
  const kq = queueWith(fds);
  const ep = system.makeEpoll(fds);
  return {
    name: `empty poll, ${idle} idle ${idle === 1 ? 'socket' : 'sockets'}`,
    run: (n) => {
      for (let i = 0; i < n; i++) kevent(kq, null, events, 0);
    },
    raw: (n) => {
      for (let i = 0; i < n; i++) system.poll(ep, 64);
    },
  };
}

/** A user event is triggered and collected; raw: an eventfd. */
function userEvent(calls: 1 | 2): Subject {
  const kq = kqueue();
  queues.push(kq);
  const user = { ident: 1, filter: EVFILT_USER };
  kevent(kq, [{ ...user, flags: EV_ADD | EV_CLEAR }], null);
  const trigger = KeventList.of({ ...user, fflags: NOTE_TRIGGER });
  const waker = new system.Waker();
  const ep = system.makeEpoll([waker.fd]);
  return {
    name: `user event, trigger and collect in ${calls === 1 ? 'one call' : 'two calls'}`,
    run: (n) => {
      for (let i = 0; i < n; i++) {
        if (calls === 2) kevent(kq, trigger, null);
        const count = kevent(kq, calls === 1 ? trigger : null, events, 0);
        if (count !== 1) throw new Error('it was not told');
      }
    },
    raw: (n) => {
      for (let i = 0; i < n; i++) {
        waker.wake();
        if (system.poll(ep, 64) !== 1) throw new Error('it was not told');
        waker.clear();
      }
    },
  };
}

/** Many pipes are ready, level-triggered, and every field is read. */
function harvest(count: number): Subject {
  const fds = Array.from({ length: count }, () => {
    const [reader, writer] = system.makePipe();
    system.fill(writer, 5);
    return reader;
  });
  const kq = queueWith(fds);
  const ep = system.makeEpoll(fds);
  const list = new KeventList(count);
  let sum = 0;
  return {
    name: `collect ${count} ready ${count === 1 ? 'pipe' : 'pipes'}, read six fields, per event`,
    units: count,
    run: (n) => {
      for (let i = 0; i < n; i++) {
        const got = kevent(kq, null, list, 0);
        if (got !== count) throw new Error('some were not told');
        for (let j = 0; j < got; j++) {
          sum += Number(list.ident(j)) + list.filter(j) + list.flags(j);
          sum += list.fflags(j) + Number(list.data(j)) + Number(list.udata(j));
        }
      }
      if (Number.isNaN(sum)) throw new Error('unreachable');
    },
    raw: (n) => {
      for (let i = 0; i < n; i++) sum += system.harvest(ep, count);
    },
  };
}

/** Everything that is timed. */
export function subjects(): Subject[] {
  const MANY = 10_000;
  return [
    emptyPoll(1),
    emptyPoll(Math.min(MANY, system.descriptorsLeft())),
    userEvent(1),
    userEvent(2),
    harvest(1),
    harvest(64),
  ];
}

/** Close all that the subjects used. */
export function dispose(): void {
  for (const kq of queues.splice(0)) close(kq);
  system.closeAll();
}
