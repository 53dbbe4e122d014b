import {
  caseTest,
  chg,
  EDGE,
  EV_ADD,
  EV_CLEAR,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_USER,
  expectEvents,
  isolate,
  kqueue,
  NOTE_FFCOPY,
  NOTE_FFLAGSMASK,
  NOTE_FFOR,
  NOTE_TRIGGER,
  poll,
  refusal,
  unplayableCase,
} from './prelude.js';

isolate();

const USER = { ident: 1, filter: EVFILT_USER };

caseTest('U01', 'with EV_CLEAR one trigger is delivered once', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...USER, flags: EDGE });
  expectEvents(poll(q));
});

caseTest(
  'U03',
  'NOTE_TRIGGER in the creating ADD triggers, and stays in fflags',
  () => {
    const q = kqueue();
    const fflags = NOTE_TRIGGER;
    chg(q, { ...USER, flags: EDGE, fflags });
    expectEvents(poll(q), { ...USER, flags: EDGE, fflags });
  },
);

caseTest('U04', 'control bits of the creating ADD are stored raw', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE, fflags: NOTE_FFCOPY | 5 });
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  const [event] = poll(q);
  expect(event.fflags).toBe(0xc0000005);
  expect(event.fflags & NOTE_FFLAGSMASK).toBe(5);
});

caseTest('U06', 'control bits of a later change are not stored', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  const fflags = NOTE_FFCOPY | 0x01ffffff | NOTE_TRIGGER;
  chg(q, { ...USER, fflags });
  expectEvents(poll(q), { ...USER, flags: EDGE, fflags: 0x00ffffff });
});

caseTest('U07', 'without EV_CLEAR every call reports a triggered event', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EV_ADD });
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  for (let i = 0; i < 3; i++) {
    expectEvents(poll(q), { ...USER, flags: EV_ADD });
  }
});

caseTest('U09', 'triggers before a call merge into one event', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  for (const bit of [1, 2, 4]) {
    chg(q, { ...USER, fflags: NOTE_FFOR | NOTE_TRIGGER | bit });
  }
  expectEvents(poll(q), { ...USER, flags: EDGE, fflags: 7 });
});

caseTest('U10', 'the data of the last change is delivered', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  chg(q, { ...USER, fflags: NOTE_TRIGGER, data: 42 });
  expectEvents(poll(q), { ...USER, flags: EDGE, data: 42 });
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...USER, flags: EDGE, data: 0 });
});

caseTest('U12', 'a trigger while disabled is kept for ENABLE', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  chg(q, { ...USER, flags: EV_DISABLE });
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  expectEvents(poll(q));
  chg(q, { ...USER, flags: EV_ENABLE });
  expectEvents(poll(q), { ...USER, flags: EDGE });
});

caseTest('U13', 'ENABLE and NOTE_TRIGGER work in one change', () => {
  const q = kqueue();
  const flags = EDGE | EV_DISPATCH;
  chg(q, { ...USER, flags });
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...USER, flags });
  chg(q, { ...USER, flags: EV_ENABLE, fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...USER, flags });
});

caseTest('U15', 'CLEAR in a later change does not reset the latch', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EV_ADD });
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  chg(q, { ...USER, flags: EV_ADD | EV_CLEAR });
  expectEvents(poll(q), { ...USER, flags: EV_ADD });
  expectEvents(poll(q), { ...USER, flags: EV_ADD });
});

unplayableCase('U16', 'a trigger from another thread wakes a call');

caseTest('U18', 'ONESHOT removes the registration on delivery', () => {
  const q = kqueue();
  const flags = EV_ADD | EV_ONESHOT;
  chg(q, { ...USER, flags });
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...USER, flags });
  expect(refusal(q, { ...USER, fflags: NOTE_TRIGGER })).toBe('ENOENT');
});
