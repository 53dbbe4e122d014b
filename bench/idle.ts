/**
 * The garbage of an idle poll of the running kernel: run by index.ts in a
 * process of its own. Prints bytes per call.
 */
import {
  close,
  EV_ADD,
  EVFILT_TIMER,
  EVFILT_USER,
  KeventList,
  kevent,
  kqueue,
} from 'kqueue-ffi';
import { garbage } from './measure.js';

const kq = kqueue();
const events = new KeventList(64);
const changes = [
  { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 600_000 },
  { ident: 1, filter: EVFILT_USER, flags: EV_ADD },
];
kevent(kq, changes, null);
process.stdout.write(String(garbage(() => kevent(kq, null, events, 0))));
close(kq);
