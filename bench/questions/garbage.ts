/**
 * What steady calls leave for the collector: of the FFI over a library, or of
 * the running kernel.
 */
import {
  close,
  EV_ADD,
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  KeventList,
  kernel,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue-ffi';
import { garbage } from '../measure.js';
import { type Row, valueRow } from '../report.js';
import { answer, task } from '../task.js';

const who = kernel.name === 'linux' ? 'Linux' : 'FFI';
const rows: Row[] = [];

function count(what: string, call: () => void): void {
  const bytes = Math.round(garbage(call, task));
  rows.push(valueRow(`${who}: ${what}`, 'bytes', [bytes], { most: 0 }));
}

const users = (number: number, fflags: number) =>
  Array.from({ length: number }, (_, i) => ({
    ident: i + 1,
    filter: EVFILT_USER,
    flags: fflags === 0 ? EV_ADD : 0,
    fflags,
  }));

const events = new KeventList(64);
const idle = kqueue();
if (task.over === undefined) {
  const timer = {
    ident: 1,
    filter: EVFILT_TIMER,
    flags: EV_ADD,
    data: 600_000,
  };
  kevent(idle, [timer, ...users(1, 0)], null);
}
count('a poll that finds nothing', () => kevent(idle, null, events, 0));

if (task.over !== 'nothing') {
  const kq = kqueue();
  kevent(kq, users(64, 0), null);
  kevent(kq, users(64, NOTE_TRIGGER), null);
  // The sink of all reads; a number that is not a small integer would be boxed.
  const seen = new Int32Array(1);
  count('64 user events, six fields read', () => {
    const found = kevent(kq, null, events, 0);
    for (let i = 0; i < found; i++) {
      seen[0] ^= Number(events.ident(i)) ^ events.filter(i) ^ events.flags(i);
      seen[0] ^= Number(events.data(i)) ^ Number(events.udata(i));
      seen[0] ^= events.fflags(i);
    }
  });
  const again = KeventList.of(...users(64, 0));
  count('64 changes from a KeventList', () => kevent(kq, again, null));
  const one = kqueue();
  const user = { ident: 1, filter: EVFILT_USER };
  kevent(one, [{ ...user, flags: EV_ADD | EV_CLEAR }], null);
  const trigger = KeventList.of({ ...user, fflags: NOTE_TRIGGER });
  count('a user event, triggered and collected', () => {
    kevent(one, trigger, null);
    kevent(one, null, events, 0);
  });
  for (const queue of [kq, one]) close(queue);
}

if (kernel.name === 'linux') {
  const { closeAll, fill, makePipe } = await import('../system.js');
  const kq = kqueue();
  const pipes = Array.from({ length: 64 }, () => {
    const [ident, writer] = makePipe();
    fill(writer, 5);
    return { ident, filter: EVFILT_READ, flags: EV_ADD };
  });
  kevent(kq, pipes, null);
  count('64 ready pipes collected', () => kevent(kq, null, events, 0));
  close(kq);
  closeAll();
}
if (task.over !== 'nothing') close(idle);

answer({
  id: 'garbage',
  title: 'Garbage of a steady call, raw tier',
  rows,
  notes: ['Bytes per call, to the nearest whole one, over thousands of calls.'],
});
