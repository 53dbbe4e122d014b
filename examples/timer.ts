/** A timer: one tick every 100 ms, five of them, on one blocked thread. */
import {
  close,
  EV_ADD,
  EVFILT_TIMER,
  KeventList,
  kevent,
  kqueue,
} from 'kqueue-ffi';

const kq = kqueue();
const start = performance.now();
kevent(
  kq,
  [{ ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 100 }],
  null,
);

const events = new KeventList(1);
for (let ticks = 0; ticks < 5; ) {
  const count = kevent(kq, null, events, 2000);
  if (count === 0) throw new Error('The timer did not fire within 2 seconds');
  // `data` counts the expirations since the last call.
  ticks += Number(events.data(0));
  console.log(
    `tick ${ticks} after ${Math.round(performance.now() - start)} ms`,
  );
}

// Closing the queue ends all that it watches.
close(kq);
