// Flags of events, order and fairness: rules E, F and T of docs/rules.md
// that no case of the list covers.
import {
  chg,
  close,
  dup,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_EOF,
  EV_ONESHOT,
  EV_RECEIPT,
  EVFILT_TIMER,
  elapsed,
  expectEvents,
  get,
  identsOf,
  isolate,
  kqueue,
  libc,
  meanwhile,
  NOTE_TRIGGER,
  pipe,
  poll,
  read,
  refusal,
  ruleTest,
  SOON,
  sleep,
  socketpair,
  timed,
  user,
} from './prelude.js';

isolate();

ruleTest(
  'F5 an earlier event comes before the event of a watched queue',
  () => {
    const [above, below] = [kqueue(), kqueue()];
    const [r, w] = pipe();
    chg(below, { ...user(1), flags: EV_ADD });
    chg(
      above,
      { ...read(below), flags: EV_ADD },
      { ...read(r), flags: EV_ADD },
    );
    libc.write(w, 1);
    chg(below, { ...user(1), fflags: NOTE_TRIGGER });
    expect(identsOf(poll(above))).toEqual([r, below]);
  },
);

describe('Flags', () => {
  ruleTest.each([
    ['ENABLE', EV_ENABLE],
    ['RECEIPT', EV_RECEIPT],
    ['CLEAR', EV_CLEAR],
    ['ONESHOT', EV_ONESHOT],
    ['DISPATCH', EV_DISPATCH],
  ])('E1 %s set at creation is in the flags of every event', (_, flag) => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD | flag });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags: EV_ADD | flag, data: 1 });
  });

  ruleTest('E1 a change of a registration adds nothing to its flags', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD });
    chg(q, { ...read(r), flags: EV_ADD | EV_ENABLE | EV_RECEIPT });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1 });
  });

  ruleTest('E3 ONESHOT wins over DISPATCH and CLEAR', () => {
    const q = kqueue();
    const [r, w] = pipe();
    const flags = EV_ADD | EV_ONESHOT | EV_DISPATCH | EV_CLEAR;
    chg(q, { ...read(r), flags });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
    expect(refusal(q, { ...read(r), flags: EV_ENABLE })).toBe('ENOENT');
  });

  ruleTest('E4 loses no event that arrives while DISPATCH disables it', () => {
    const q = kqueue();
    const [r, w] = pipe();
    const flags = EV_ADD | EV_DISPATCH | EV_CLEAR;
    chg(q, { ...read(r), flags });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
    libc.write(w, 1);
    expectEvents(poll(q));
    chg(q, { ...read(r), flags: EV_ENABLE });
    expectEvents(poll(q), { ...read(r), flags, data: 2 });
    chg(q, { ...user(1), flags });
    chg(q, { ...user(1), fflags: NOTE_TRIGGER });
    expectEvents(poll(q), { ...user(1), flags });
    chg(q, { ...user(1), fflags: NOTE_TRIGGER });
    expectEvents(poll(q));
    chg(q, { ...user(1), flags: EV_ENABLE });
    expectEvents(poll(q), { ...user(1), flags });
  });

  ruleTest('E5 a CLEAR registration fires again for each arrival', () => {
    for (const [r, w] of [pipe(), socketpair()]) {
      const q = kqueue();
      const flags = EV_ADD | EV_CLEAR;
      chg(q, { ...read(r), flags });
      for (const data of [1, 2, 3]) {
        libc.write(w, 1);
        expectEvents(poll(q), { ...read(r), flags, data });
        expectEvents(poll(q));
      }
    }
  });

  ruleTest('E7 EV_EOF stays, with bytes and without', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD });
    libc.write(w, 2);
    close(w);
    const flags = EV_ADD | EV_EOF;
    for (const data of [2, 1, 0]) {
      expectEvents(poll(q), { ...read(r), flags, data });
      if (data > 0) libc.read(r, 1);
    }
    expectEvents(poll(q), { ...read(r), flags });
  });
});

describe('Order', () => {
  ruleTest('F3 a reported level-triggered event goes behind the others', () => {
    const q = kqueue();
    const [r, w] = pipe();
    libc.write(w, 1);
    chg(q, { ...read(r), flags: EV_ADD });
    const flags = EV_ADD | EV_CLEAR;
    chg(q, { ...user(1), flags, fflags: NOTE_TRIGGER });
    chg(q, { ...user(2), flags, fflags: NOTE_TRIGGER });
    expect(identsOf(poll(q, 1))).toEqual([r]);
    expect(identsOf(poll(q, 2))).toEqual([1, 2]);
    expect(identsOf(poll(q, 2))).toEqual([r]);
  });

  ruleTest('F5 readiness at registration counts from the registration', () => {
    const q = kqueue();
    const ends = [pipe(), pipe(), pipe()];
    const [a, b, c] = ends.map(([r]) => r);
    for (const [, w] of [...ends].reverse()) libc.write(w, 1);
    for (const r of [b, a, c]) chg(q, { ...read(r), flags: EV_ADD });
    expect(identsOf(poll(q))).toEqual([b, a, c]);
  });

  ruleTest(
    'F5 what became ready before the call comes before its changes',
    () => {
      const q = kqueue();
      const [r, w] = pipe();
      const flags = EV_ADD | EV_CLEAR;
      chg(q, { ...read(r), flags });
      libc.write(w, 1);
      chg(q, { ...user(1), flags, fflags: NOTE_TRIGGER });
      expect(identsOf(poll(q))).toEqual([r, 1]);
    },
  );

  ruleTest('F5 a timer that fired first comes first', () =>
    timed(() => {
      const q = kqueue();
      const [r, w] = pipe();
      const timer = { ident: 1000, filter: EVFILT_TIMER, data: 10 };
      chg(q, { ...read(r), flags: EV_ADD | EV_CLEAR });
      chg(q, { ...timer, flags: EV_ADD | EV_ONESHOT });
      sleep(30);
      libc.write(w, 1);
      expect(identsOf(poll(q))).toEqual([1000, r]);
      chg(q, { ...timer, flags: EV_ADD | EV_ONESHOT });
      libc.write(w, 1);
      sleep(30);
      expect(identsOf(poll(q))).toEqual([r, 1000]);
    }),
  );

  ruleTest(
    'F6 a call keeps waiting if its pending events have ended',
    async () => {
      const q = kqueue();
      const [r, w] = pipe();
      chg(q, { ...read(r), flags: EV_ADD });
      libc.write(w, 1);
      expect(poll(q)).toHaveLength(1);
      libc.read(r, 1);
      const took = elapsed(() => expectEvents(get(q, 1, 30)));
      expect(took).toBeGreaterThanOrEqual(30);
      libc.write(w, 1);
      expect(poll(q)).toHaveLength(1);
      libc.read(r, 1);
      const acts = [{ op: 'write', fd: 'w', bytes: 2 }];
      const { result } = await meanwhile({ w }, acts, () => get(q, 1, SOON));
      expectEvents(result, { ...read(r), flags: EV_ADD, data: 2 });
    },
  );

  ruleTest('T1 the newest registration of a pipe comes first', () => {
    const q = kqueue();
    const [r, w] = pipe();
    const copies = [r, dup(r), dup(r)];
    const flags = EV_ADD | EV_CLEAR;
    for (const fd of copies) chg(q, { ...read(fd), flags });
    libc.write(w, 1);
    expect(identsOf(poll(q))).toEqual([...copies].reverse());
    libc.write(w, 1);
    expect(identsOf(poll(q))).toEqual([...copies].reverse());
  });

  ruleTest('T2 DELETE and ADD move a pending event to the end', () => {
    const q = kqueue();
    const flags = EV_ADD | EV_CLEAR;
    for (const i of [1, 2, 3]) {
      chg(q, { ...user(i), flags, fflags: NOTE_TRIGGER });
    }
    chg(q, { ...user(1), flags: EV_DELETE });
    chg(q, { ...user(1), flags, fflags: NOTE_TRIGGER });
    chg(q, { ...user(2), flags: EV_DISABLE });
    chg(q, { ...user(2), flags: EV_ENABLE });
    expect(identsOf(poll(q))).toEqual([3, 1, 2]);
  });

  ruleTest('T4 a pending event carries replaced udata', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD, udata: 1 });
    libc.write(w, 1);
    chg(q, { ...read(r), udata: 2 });
    expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1, udata: 2 });
  });
});
