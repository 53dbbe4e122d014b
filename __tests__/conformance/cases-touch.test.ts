import {
  caseTest,
  chg,
  EV_ADD,
  EV_CLEAR,
  EV_DISABLE,
  EV_ENABLE,
  EVFILT_TIMER,
  EVFILT_USER,
  expectEvents,
  get,
  isolate,
  kqueue,
  libc,
  NOTE_LOWAT,
  NOTE_SECONDS,
  NOTE_TRIGGER,
  NOTE_USECONDS,
  pipe,
  poll,
  read,
  refusal,
  SOON,
  socketpair,
  unixDiagCase,
} from './prelude.js';

isolate();

caseTest('T01', 'adding again replaces udata', () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, { ...read(r), flags: EV_ADD, udata: 0xa });
  chg(q, { ...read(r), flags: EV_ADD, udata: 0xb });
  libc.write(w, 1);
  expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1, udata: 0xb });
});

caseTest('T02', 'DISABLE and ENABLE without udata wipe it', () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, { ...read(r), flags: EV_ADD, udata: 0xa });
  chg(q, { ...read(r), flags: EV_DISABLE });
  chg(q, { ...read(r), flags: EV_ENABLE });
  libc.write(w, 1);
  expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1 });
});

caseTest('T04', 'adding again with CLEAR leaves it level-triggered', () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, { ...read(r), flags: EV_ADD });
  chg(q, { ...read(r), flags: EV_ADD | EV_CLEAR });
  libc.write(w, 1);
  expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1 });
  expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1 });
});

caseTest(
  'T05',
  'adding again without CLEAR fires once and stays edge-triggered',
  () => {
    const q = kqueue();
    const [r, w] = pipe();
    const flags = EV_ADD | EV_CLEAR;
    chg(q, { ...read(r), flags });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
    chg(q, { ...read(r), flags: EV_ADD });
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
    expectEvents(poll(q));
  },
);

caseTest('T07', 'adding again does not enable: only ENABLE does', () => {
  const q = kqueue();
  const [r, w] = pipe();
  libc.write(w, 1);
  const flags = EV_ADD | EV_DISABLE;
  chg(q, { ...read(r), flags });
  expectEvents(poll(q));
  chg(q, { ...read(r), flags: EV_ADD });
  expectEvents(poll(q));
  chg(q, { ...read(r), flags: EV_ENABLE });
  expectEvents(poll(q), { ...read(r), flags, data: 1 });
});

caseTest('T08', 'DISABLE withdraws a pending event, ENABLE restores it', () => {
  const q = kqueue();
  const [r, w] = pipe();
  libc.write(w, 1);
  chg(q, { ...read(r), flags: EV_ADD });
  chg(q, { ...read(r), flags: EV_DISABLE });
  expectEvents(poll(q));
  chg(q, { ...read(r), flags: EV_ENABLE });
  expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1 });
});

unixDiagCase('T10', 'ENABLE with fflags 0 drops the low-water mark', () => {
  const q = kqueue();
  const [a, b] = socketpair();
  chg(q, { ...read(a), flags: EV_ADD, fflags: NOTE_LOWAT, data: 10 });
  libc.write(b, 5);
  expectEvents(poll(q));
  chg(q, { ...read(a), flags: EV_ENABLE });
  expectEvents(poll(q), { ...read(a), flags: EV_ADD, data: 5 });
});

caseTest('T11', 'a refused change leaves the old timer running', () => {
  const q = kqueue();
  const timer = { ident: 1, filter: EVFILT_TIMER };
  chg(q, { ...timer, flags: EV_ADD, data: 50 });
  const fflags = NOTE_SECONDS | NOTE_USECONDS;
  const bad = { ...timer, flags: EV_ADD, fflags, data: 9, udata: 9 };
  expect(refusal(q, bad)).toBe('EINVAL');
  const [event] = get(q, 1, SOON);
  expect(event).toMatchObject({ ...timer, udata: 0n });
});

caseTest('T13', 'flags 0 with NOTE_TRIGGER triggers', () => {
  const q = kqueue();
  const user = { ident: 1, filter: EVFILT_USER };
  chg(q, { ...user, flags: EV_ADD | EV_CLEAR });
  chg(q, { ...user, flags: 0, fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...user, flags: EV_ADD | EV_CLEAR });
});
