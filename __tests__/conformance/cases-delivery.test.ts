import {
  caseTest,
  chg,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EV_UDATA_SPECIFIC,
  EVFILT_TIMER,
  expectEvents,
  identsOf,
  isolate,
  kqueue,
  libc,
  NOTE_TRIGGER,
  pipe,
  poll,
  read,
  refusal,
  socketpair,
  user,
} from './prelude.js';

isolate();

caseTest('D02', 'an event carries the flags word of its creation', () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, { ...read(r), flags: EV_ADD | EV_CLEAR });
  libc.write(w, 1);
  expectEvents(poll(q), { ...read(r), flags: 0x0021, data: 1 });
});

caseTest('D03', 'DISABLE set at creation stays in the flags', () => {
  const q = kqueue();
  chg(q, { ...user(1), flags: EV_ADD | EV_DISABLE });
  chg(q, { ...user(1), flags: EV_ENABLE });
  chg(q, { ...user(1), fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...user(1), flags: EV_ADD | EV_DISABLE });
});

caseTest('D05', 'every call reports a level condition', () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, { ...read(r), flags: EV_ADD });
  libc.write(w, 3);
  for (let i = 0; i < 3; i++) {
    expectEvents(poll(q, 1), { ...read(r), flags: EV_ADD, data: 3 });
  }
});

caseTest('D06', 'a level condition that has ended is not reported', () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, { ...read(r), flags: EV_ADD });
  libc.write(w, 3);
  expectEvents(poll(q, 1), { ...read(r), flags: EV_ADD, data: 3 });
  libc.read(r, 3);
  expectEvents(poll(q));
});

caseTest('D08', 'ONESHOT is removed on delivery', () => {
  const q = kqueue();
  const [r, w] = pipe();
  const flags = EV_ADD | EV_ONESHOT;
  chg(q, { ...read(r), flags });
  libc.write(w, 1);
  expectEvents(poll(q, 1), { ...read(r), flags, data: 1 });
  libc.write(w, 1);
  expectEvents(poll(q));
  expect(refusal(q, { ...read(r), flags: EV_DELETE })).toBe('ENOENT');
});

caseTest('D09', 'ONESHOT keeps waiting if its condition has ended', () => {
  const q = kqueue();
  const [r, w] = pipe();
  const flags = EV_ADD | EV_ONESHOT;
  chg(q, { ...read(r), flags });
  libc.write(w, 1);
  libc.read(r, 1);
  expectEvents(poll(q));
  libc.write(w, 1);
  expectEvents(poll(q), { ...read(r), flags, data: 1 });
});

caseTest(
  'D11',
  'ENABLE of a DISPATCH registration reports a condition that still holds',
  () => {
    const q = kqueue();
    const [r, w] = pipe();
    const flags = EV_ADD | EV_DISPATCH;
    chg(q, { ...read(r), flags });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
    expectEvents(poll(q));
    chg(q, { ...read(r), flags: EV_ENABLE });
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
  },
);

caseTest(
  'D12',
  'ENABLE of a drained DISPATCH registration waits for more data',
  () => {
    const q = kqueue();
    const [r, w] = pipe();
    const flags = EV_ADD | EV_DISPATCH;
    chg(q, { ...read(r), flags });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
    libc.read(r, 1);
    chg(q, { ...read(r), flags: EV_ENABLE });
    expectEvents(poll(q));
    libc.write(w, 2);
    expectEvents(poll(q), { ...read(r), flags, data: 2 });
  },
);

caseTest(
  'D14',
  'CLEAR on a socket reports nothing after a partial read',
  () => {
    const q = kqueue();
    const [a, b] = socketpair();
    const flags = EV_ADD | EV_CLEAR;
    chg(q, { ...read(a), flags });
    libc.write(b, 2);
    expectEvents(poll(q, 1), { ...read(a), flags, data: 2 });
    libc.read(a, 1);
    expectEvents(poll(q));
  },
);

caseTest('D15', 'CLEAR on a pipe fires again after a partial read', () => {
  const q = kqueue();
  const [r, w] = pipe();
  const flags = EV_ADD | EV_CLEAR;
  chg(q, { ...read(r), flags });
  libc.write(w, 2);
  expectEvents(poll(q, 1), { ...read(r), flags, data: 2 });
  libc.read(r, 1);
  expectEvents(poll(q), { ...read(r), flags, data: 1 });
});

caseTest('D17', 'events are delivered in the order they became ready', () => {
  const q = kqueue();
  const flags = EV_ADD | EV_CLEAR;
  for (let i = 1; i <= 5; i++) chg(q, { ...user(i), flags });
  const order = [3, 1, 5, 2, 4];
  for (const i of order) chg(q, { ...user(i), fflags: NOTE_TRIGGER });
  expect(identsOf(poll(q))).toEqual(order);
});

caseTest('D18', 'ready registrations alternate when one event fits', () => {
  const q = kqueue();
  const ends = [pipe(), pipe(), pipe()];
  for (const [r, w] of ends) {
    libc.write(w, 1);
    chg(q, { ...read(r), flags: EV_ADD });
  }
  const [a, b, c] = ends.map(([r]) => r);
  const got = Array.from({ length: 6 }, () => identsOf(poll(q, 1)));
  expect(got.flat()).toEqual([a, b, c, a, b, c]);
});

caseTest('D20', 'events that did not fit come first in the next call', () => {
  const q = kqueue();
  const ends = Array.from({ length: 5 }, pipe);
  for (const [r, w] of ends) {
    libc.write(w, 1);
    chg(q, { ...read(r), flags: EV_ADD });
  }
  const [a, b, c, d, e] = ends.map(([r]) => r);
  expect(identsOf(poll(q, 3))).toEqual([a, b, c]);
  expect(identsOf(poll(q, 3))).toEqual([d, e, a]);
});

caseTest('D21', 'two queues on one descriptor both get the event', () => {
  const queues = [kqueue(), kqueue()];
  const [r, w] = pipe();
  for (const q of queues) chg(q, { ...read(r), flags: EV_ADD });
  libc.write(w, 1);
  for (const q of queues) {
    expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1 });
  }
});

caseTest('D23', 'all 64 bits of udata are preserved', () => {
  const q = kqueue();
  const [r, w] = pipe();
  libc.write(w, 1);
  const patterns = [0xffffffffffffffffn, 0x8000000000000001n];
  for (const udata of patterns) {
    for (const target of [
      { ...read(r), data: 0 },
      { ...user(1), fflags: NOTE_TRIGGER },
      { ident: 1, filter: EVFILT_TIMER, data: 0 },
    ]) {
      const flags = EV_ADD | EV_ONESHOT;
      chg(q, { ...target, flags, udata });
      const [event] = poll(q);
      expect(event.udata).toBe(udata);
    }
  }
});

caseTest(
  'D24',
  'deleting a disabled DISPATCH|UDATA_SPECIFIC is deferred',
  () => {
    const q = kqueue();
    const [r, w] = pipe();
    const kind = EV_DISPATCH | EV_UDATA_SPECIFIC;
    const one = { ...read(r), udata: 0x11 };
    chg(q, { ...one, flags: EV_ADD | kind });
    libc.write(w, 1);
    expectEvents(poll(q), { ...one, flags: EV_ADD | kind, data: 1 });
    const remove = { ...one, flags: EV_DELETE | EV_UDATA_SPECIFIC };
    expect(refusal(q, remove)).toBe('EINPROGRESS');
    chg(q, { ...one, flags: EV_ENABLE | EV_UDATA_SPECIFIC });
    expectEvents(poll(q), { ...one, flags: kind | EV_ONESHOT | EV_DELETE });
    expectEvents(poll(q));
    expect(refusal(q, remove)).toBe('ENOENT');
  },
);

caseTest(
  'O03',
  'a thousand events are each delivered once before any twice',
  () => {
    const q = kqueue();
    const COUNT = 1000;
    const ROOM = 64;
    const ends = Array.from({ length: COUNT }, pipe);
    const adds = ends.map(([r]) => ({ ...read(r), flags: EV_ADD }));
    chg(q, ...adds);
    for (const [, w] of ends) libc.write(w, 1);
    const seen: (number | bigint)[] = [];
    while (seen.length < COUNT) seen.push(...identsOf(poll(q, ROOM)));
    expect(seen.slice(0, COUNT)).toEqual(ends.map(([r]) => r));
  },
);
