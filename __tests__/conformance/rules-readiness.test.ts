// What poll(2) says of a queue: rule B6, on which every host loop relies.
import {
  chg,
  close,
  closeElsewhere,
  dup,
  EDGE,
  EV_ADD,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_TIMER,
  EVFILT_USER,
  expectEvents,
  fifo,
  file,
  inetSocket,
  isolate,
  isReadable,
  kqueue,
  libc,
  NOTE_LOWAT,
  NOTE_TRIGGER,
  pipe,
  poll,
  read,
  ruleTest,
  socketpair,
  tcpListener,
  write,
} from './prelude.js';

isolate();

ruleTest('B6 new data makes the queue readable without a call', () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, { ...read(r), flags: EDGE });
  expect(isReadable(q)).toBe(false);
  libc.write(w, 1);
  expect(isReadable(q)).toBe(true);
  expect(poll(q)).toHaveLength(1);
  expect(isReadable(q)).toBe(false);
  libc.write(w, 1);
  expect(isReadable(q)).toBe(true);
});

ruleTest('B6 adding a ready descriptor makes the queue readable', () => {
  const q = kqueue();
  const [, w] = pipe();
  chg(q, { ...write(w), flags: EV_ADD | EV_ONESHOT });
  expect(isReadable(q)).toBe(true);
  expect(poll(q)).toHaveLength(1);
  expect(isReadable(q)).toBe(false);
});

ruleTest(
  'B6 collecting only some pending events leaves the queue readable',
  () => {
    const q = kqueue();
    for (const ident of [1, 2, 3]) {
      const user = { ident, filter: EVFILT_USER };
      chg(q, { ...user, flags: EDGE, fflags: NOTE_TRIGGER });
    }
    for (const left of [true, true, false]) {
      expect(poll(q, 1)).toHaveLength(1);
      expect(isReadable(q)).toBe(left);
    }
  },
);

ruleTest(
  'B6 a pending event that is deleted or disabled does not count',
  () => {
    const q = kqueue();
    const user = { ident: 1, filter: EVFILT_USER };
    chg(q, { ...user, flags: EV_ADD, fflags: NOTE_TRIGGER });
    expect(isReadable(q)).toBe(true);
    chg(q, { ...user, flags: EV_DISABLE });
    expect(isReadable(q)).toBe(false);
    chg(q, { ...user, flags: EV_ENABLE });
    expect(isReadable(q)).toBe(true);
    chg(q, { ...user, flags: EV_DELETE });
    expect(isReadable(q)).toBe(false);
  },
);

ruleTest('B6 every dup of a queue reports the same', () => {
  const q = kqueue();
  const copy = dup(q);
  const user = { ident: 1, filter: EVFILT_USER };
  chg(q, { ...user, flags: EDGE, fflags: NOTE_TRIGGER });
  expect(isReadable(copy)).toBe(true);
  expect(poll(q)).toHaveLength(1);
  expect(isReadable(copy)).toBe(false);
});

ruleTest('B6 a watched queue makes its watcher readable', () => {
  const q = kqueue();
  const k = kqueue();
  const [r, w] = pipe();
  chg(k, { ...read(r), flags: EDGE });
  chg(q, { ...read(k), flags: EV_ADD });
  expect(isReadable(q)).toBe(false);
  libc.write(w, 1);
  expect(isReadable(q)).toBe(true);
  expect(poll(k)).toHaveLength(1);
  expectEvents(poll(q));
  expect(isReadable(q)).toBe(false);
});

// An event loop calls kevent whenever poll(2) reports the queue as readable. It
// spins if kevent returns nothing and poll(2) still reports it.
describe('After an empty poll the queue is not readable', () => {
  const quiet = (q: number): void => {
    for (let i = 0; i < 3; i++) {
      expectEvents(poll(q));
      expect(isReadable(q)).toBe(false);
    }
  };

  ruleTest('for a drained pipe', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD });
    libc.write(w, 1);
    expect(poll(q)).toHaveLength(1);
    libc.read(r, 1);
    quiet(q);
  });

  ruleTest('for a disabled registration with pending data', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD | EV_DISABLE });
    libc.write(w, 1);
    quiet(q);
  });

  ruleTest('for a reported DISPATCH registration', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD | EV_DISPATCH });
    libc.write(w, 1);
    expect(poll(q)).toHaveLength(1);
    quiet(q);
    libc.write(w, 1);
    quiet(q);
  });

  ruleTest('for data below the low-water mark', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    const mark = { fflags: NOTE_LOWAT, data: 100 };
    chg(q, { ...read(a), flags: EV_ADD, ...mark });
    libc.write(b, 5);
    quiet(q);
  });

  ruleTest('for a CLEAR registration with unread data', () => {
    const q = kqueue();
    const [a, b] = socketpair();
    chg(q, { ...read(a), flags: EDGE });
    libc.write(b, 5);
    expect(poll(q)).toHaveLength(1);
    quiet(q);
  });

  ruleTest('for EOF that a CLEAR registration has reported', () => {
    for (const [a, b] of [pipe(), socketpair()]) {
      const q = kqueue();
      chg(q, { ...read(a), flags: EDGE });
      close(b);
      expect(poll(q)).toHaveLength(1);
      quiet(q);
    }
  });

  ruleTest('for a socket that is not connected', () => {
    const q = kqueue();
    const fd = inetSocket();
    chg(q, { ...read(fd), flags: EV_ADD }, { ...write(fd), flags: EV_ADD });
    quiet(q);
  });

  ruleTest('for a listening socket', () => {
    const q = kqueue();
    const { fd } = tcpListener();
    chg(q, { ...read(fd), flags: EV_ADD }, { ...write(fd), flags: EV_ADD });
    quiet(q);
  });

  ruleTest('for a FIFO without writers', () => {
    const q = kqueue();
    const [r, w] = fifo();
    chg(q, { ...read(r), flags: EV_ADD });
    close(w);
    quiet(q);
  });

  ruleTest('for READ on the write end of a full pipe', () => {
    const q = kqueue();
    const [, w] = pipe();
    chg(q, { ...read(w), flags: EV_ADD }, { ...write(w), flags: EV_ADD });
    libc.fill(w);
    quiet(q);
  });

  ruleTest('for a file at its end', () => {
    const q = kqueue();
    const { fd } = file(4);
    chg(q, { ...read(fd), flags: EV_ADD });
    expect(poll(q)).toHaveLength(1);
    libc.read(fd, 4);
    quiet(q);
  });

  ruleTest('for a reported one-shot timer', () => {
    const q = kqueue();
    const timer = { ident: 1, filter: EVFILT_TIMER, data: 0 };
    chg(q, { ...timer, flags: EV_ADD });
    expect(poll(q)).toHaveLength(1);
    quiet(q);
  });

  ruleTest(
    'for a descriptor that other code closed while its file is open',
    () => {
      const q = kqueue();
      const [r, w] = pipe();
      chg(q, { ...read(r), flags: EV_ADD });
      const copy = dup(r);
      closeElsewhere(r);
      libc.write(w, 1);
      quiet(q);
      libc.write(w, 1);
      quiet(q);
      expect(libc.read(copy, 8)).toBe(2);
    },
  );
});
