/**
 * A user event: only the program itself triggers it. Triggers before a call are
 * merged into one event.
 */
import {
  close,
  EV_ADD,
  EV_CLEAR,
  EVFILT_USER,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue-ffi';

const kq = kqueue();
const events = new KeventList(4);
const doorbell = { ident: 7, filter: EVFILT_USER };

kevent(kq, [{ ...doorbell, flags: EV_ADD | EV_CLEAR, udata: 42 }], null);
console.log(`before: ${kevent(kq, null, events, 0)} events`);

const ring = [{ ...doorbell, fflags: NOTE_TRIGGER, udata: 42 }];
kevent(kq, ring, null);
kevent(kq, ring, null);
console.log(`after two rings: ${kevent(kq, null, events, 0)} event`);
console.log(`it is ident ${events.ident(0)} with udata ${events.udata(0)}`);

// EV_CLEAR: handing the event out has reset it.
console.log(`afterwards: ${kevent(kq, null, events, 0)} events`);
close(kq);
