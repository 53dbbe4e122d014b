// EVFILT_USER: rules K of docs/rules.md that no case of the list covers.
import {
  chg,
  EDGE,
  EV_ADD,
  EV_DISABLE,
  EV_ENABLE,
  EVFILT_USER,
  expectEvents,
  isolate,
  kqueue,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFNOP,
  NOTE_FFOR,
  NOTE_TRIGGER,
  poll,
  refusal,
  ruleTest,
} from './prelude.js';

isolate();

const USER = { ident: 1, filter: EVFILT_USER };

ruleTest(
  'K1 a user event accepts any 64-bit ident, separate in each queue',
  () => {
    const queues = [kqueue(), kqueue()];
    const idents = [0, 2 ** 31, 2 ** 53 - 1, 2n ** 53n + 1n, 2n ** 64n - 1n];
    for (const q of queues) {
      for (const ident of idents) chg(q, { ...USER, ident, flags: EDGE });
    }
    const [q, other] = queues;
    for (const ident of idents) {
      chg(q, { ...USER, ident, fflags: NOTE_TRIGGER });
      expectEvents(poll(q), { ...USER, ident, flags: EDGE });
    }
    expectEvents(poll(other));
  },
);

ruleTest('K2 a level-triggered event created triggered repeats', () => {
  const q = kqueue();
  const fflags = (NOTE_TRIGGER | NOTE_FFOR | 3) >>> 0;
  chg(q, { ...USER, flags: EV_ADD, fflags, data: 5 });
  for (let i = 0; i < 3; i++) {
    expectEvents(poll(q), { ...USER, flags: EV_ADD, fflags, data: 5 });
  }
});

ruleTest.each([
  ['FFNOP leaves', NOTE_FFNOP, 0x0f],
  ['FFAND keeps the common bits of', NOTE_FFAND, 0x03],
  ['FFOR adds to', NOTE_FFOR, 0x3f],
  ['FFCOPY replaces', NOTE_FFCOPY, 0x33],
])('K3 %s the stored flags', (_, control, fflags) => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE, fflags: 0x0f });
  chg(q, { ...USER, fflags: control | NOTE_TRIGGER | 0x33 });
  expectEvents(poll(q), { ...USER, flags: EDGE, fflags });
});

ruleTest('K3 flags are stored without a trigger too', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  chg(q, { ...USER, fflags: NOTE_FFCOPY | 0x7 });
  expectEvents(poll(q));
  chg(q, { ...USER, fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...USER, flags: EDGE, fflags: 0x7 });
});

ruleTest('K4 all 64 bits of data are delivered', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  for (const data of [-1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n]) {
    chg(q, { ...USER, fflags: NOTE_TRIGGER, data });
    const [event] = poll(q);
    expect(BigInt(event.data)).toBe(data);
  }
});

ruleTest('K5 a level-triggered event is reset by DELETE and ADD only', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EV_ADD, fflags: NOTE_TRIGGER });
  expect(poll(q)).toHaveLength(1);
  chg(q, { ...USER, flags: EV_ADD, fflags: NOTE_FFCOPY });
  expectEvents(poll(q), { ...USER, flags: EV_ADD });
  chg(q, { ...USER, flags: EV_DISABLE });
  expectEvents(poll(q));
  chg(q, { ...USER, flags: EV_ENABLE });
  expectEvents(poll(q), { ...USER, flags: EV_ADD });
});

ruleTest('K7 delivery clears neither the stored flags nor data', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  chg(q, { ...USER, fflags: NOTE_FFCOPY | NOTE_TRIGGER | 5, data: 6 });
  expectEvents(poll(q), { ...USER, flags: EDGE, fflags: 5, data: 6 });
  chg(q, { ...USER, fflags: NOTE_TRIGGER | NOTE_FFOR | 2, data: 6 });
  expectEvents(poll(q), { ...USER, flags: EDGE, fflags: 7, data: 6 });
});

ruleTest('K9 triggering an unknown registration fails with ENOENT', () => {
  const q = kqueue();
  expect(refusal(q, { ...USER, fflags: NOTE_TRIGGER })).toBe('ENOENT');
});

ruleTest('K9 ADD with NOTE_TRIGGER triggers an existing registration', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  chg(q, { ...USER, flags: EV_ADD, fflags: NOTE_TRIGGER, udata: 4 });
  expectEvents(poll(q), { ...USER, flags: EDGE, udata: 4 });
  expectEvents(poll(q));
});

ruleTest('K6 a collected trigger is not reported again', () => {
  const q = kqueue();
  chg(q, { ...USER, flags: EDGE });
  for (let i = 0; i < 100; i++) {
    chg(
      q,
      { ...USER, fflags: NOTE_TRIGGER },
      { ...USER, fflags: NOTE_TRIGGER },
    );
    expectEvents(poll(q), { ...USER, flags: EDGE });
  }
  expectEvents(poll(q));
});
