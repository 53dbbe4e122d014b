// EVFILT_TIMER: rules J and T6 of docs/rules.md that no case covers.
import {
  change,
  chg,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  elapsed,
  expectEvents,
  get,
  isolate,
  kqueue,
  libc,
  NOTE_ABSOLUTE,
  NOTE_BACKGROUND,
  NOTE_CRITICAL,
  NOTE_LEEWAY,
  NOTE_MACH_CONTINUOUS_TIME,
  NOTE_MACHTIME,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  NOTE_USECONDS,
  poll,
  ROUNDING,
  refusal,
  ruleTest,
  SOON,
  sleep,
  timed,
  timer,
} from './prelude.js';

isolate();

const PLAIN = EV_ADD | EV_CLEAR;
const ONCE = EV_ADD | EV_CLEAR | EV_ONESHOT;
const HOUR_MS = 3_600_000;

ruleTest('J1 a timer accepts any 64-bit ident, open descriptor or not', () => {
  const q = kqueue();
  const idents = [0, q, 2 ** 53 - 1, 2n ** 63n, 2n ** 64n - 1n];
  for (const ident of idents) {
    chg(q, { ...timer(ident), flags: EV_ADD | EV_ONESHOT, data: 0 });
    const event = { ...timer(ident), flags: ONCE, data: 1 };
    expectEvents(get(q, 1, SOON), event);
  }
});

ruleTest.each([
  ['milliseconds', 0, 15],
  ['microseconds', NOTE_USECONDS, 15_000],
  ['nanoseconds', NOTE_NSECONDS, 15_000_000],
])('J2 a period can be given in %s', (_, fflags, data) =>
  timed(() => {
    const q = kqueue();
    const flags = EV_ADD | EV_ONESHOT;
    const took = elapsed(() => {
      chg(q, { ...timer(1), flags, fflags, data });
      expectEvents(get(q, 1, SOON), { ...timer(1), flags: ONCE, data: 1 });
    });
    expect(took).toBeGreaterThanOrEqual(15);
    expect(took).toBeLessThan(500);
  }),
);

ruleTest('J2 a period can be given in seconds', () => {
  const q = kqueue();
  const took = elapsed(() => {
    chg(q, { ...timer(1), flags: EV_ADD, fflags: NOTE_SECONDS, data: 1 });
    expectEvents(get(q, 1, SOON), { ...timer(1), flags: PLAIN, data: 1 });
  });
  expect(took).toBeGreaterThanOrEqual(1000);
  expect(took).toBeLessThan(3000);
});

ruleTest('J2 every pair of units is EINVAL', () => {
  const q = kqueue();
  const units = [NOTE_SECONDS, NOTE_USECONDS, NOTE_NSECONDS, NOTE_MACHTIME];
  for (const one of units) {
    for (const other of units) {
      if (one === other) continue;
      const fflags = one | other;
      const add = { ...timer(1), flags: EV_ADD, fflags, data: 1 };
      expect(refusal(q, add)).toBe('EINVAL');
    }
  }
  expect(refusal(q, { ...timer(1), flags: EV_DELETE })).toBe('ENOENT');
});

ruleTest.each([
  ['NOTE_CRITICAL', NOTE_CRITICAL],
  ['NOTE_BACKGROUND', NOTE_BACKGROUND],
  ['NOTE_LEEWAY', NOTE_LEEWAY],
  ['NOTE_MACH_CONTINUOUS_TIME', NOTE_MACH_CONTINUOUS_TIME],
  ['an unknown bit', 0x00100000],
])('J2 %s is accepted and not echoed', (_, fflags) => {
  const q = kqueue();
  chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, fflags, data: 5 });
  const [event] = get(q, 1, SOON);
  expect(event).toMatchObject({ ...timer(1), flags: ONCE, fflags: 0 });
});

ruleTest('J2 NOTE_MACHTIME counts machine ticks', () => {
  const q = kqueue();
  const fflags = NOTE_MACHTIME;
  chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, fflags, data: 1_000_000 });
  const [event] = get(q, 1, SOON);
  expect(event).toMatchObject({ ...timer(1), flags: ONCE, fflags: 0 });
});

ruleTest('J3 a timer repeats until it is deleted', () => {
  const q = kqueue();
  chg(q, { ...timer(1), flags: EV_ADD, data: 5 });
  for (let i = 0; i < 5; i++) {
    const [event] = get(q, 1, SOON);
    expect(event).toMatchObject({ ...timer(1), flags: PLAIN, fflags: 0 });
    expect(event.data).toBeGreaterThanOrEqual(1);
  }
  chg(q, { ...timer(1), flags: EV_DELETE });
  expectEvents(get(q, 1, 15));
});

ruleTest('J4 counts every tick over many calls', () =>
  timed(() => {
    const q = kqueue();
    const start = performance.now();
    chg(q, { ...timer(1), flags: EV_ADD, data: 2 });
    let ticks = 0;
    while (performance.now() - start < 100) {
      for (const { data } of poll(q)) ticks += Number(data);
    }
    sleep(Math.max(0, 101 - (performance.now() - start)));
    for (const { data } of poll(q)) ticks += Number(data);
    expect(ticks).toBeGreaterThanOrEqual(50);
    expect(ticks).toBeLessThanOrEqual((performance.now() - start) / 2);
  }),
);

ruleTest.each([-1, -1000])('J6 a period of %d fires at once, once', (data) => {
  const q = kqueue();
  chg(q, { ...timer(1), flags: EV_ADD, data });
  expectEvents(get(q, 1, SOON), { ...timer(1), flags: PLAIN, data: 1 });
  expectEvents(get(q, 1, 10));
  chg(q, { ...timer(1), flags: EV_DELETE });
});

ruleTest.each([
  ['a period of 0', 0, 0],
  ['a negative period', 0, -5],
  ['an absolute time that has passed', NOTE_ABSOLUTE, 1000],
])('J6 the call that adds %s reports it', (_, fflags, data) => {
  const q = kqueue();
  const add = { ...timer(1), flags: EV_ADD | EV_ONESHOT, fflags, data };
  const event = { ...timer(1), flags: ONCE, data: 1 };
  expectEvents(change(q, [add], 1, 0), event);
});

ruleTest.each([
  ['seconds', NOTE_SECONDS, () => Math.floor(Date.now() / 1000) - 5],
  ['milliseconds', 0, () => Date.now() - 5],
  ['microseconds', NOTE_USECONDS, () => (Date.now() - 5) * 1000],
  ['nanoseconds', NOTE_NSECONDS, () => BigInt(Date.now() - 5) * 1_000_000n],
])('J7 an absolute time in %s that has passed fires at once', (_, unit, at) => {
  const q = kqueue();
  const fflags = NOTE_ABSOLUTE | unit;
  chg(q, { ...timer(1), flags: EV_ADD, fflags, data: at() });
  expectEvents(get(q, 1, SOON), { ...timer(1), flags: ONCE, data: 1 });
  expect(refusal(q, { ...timer(1), flags: EV_DELETE })).toBe('ENOENT');
});

ruleTest.each([
  ['milliseconds', 0, 1],
  ['microseconds', NOTE_USECONDS, 1000],
])('J7 an absolute time in %s is waited for', (_, unit, scale) => {
  const q = kqueue();
  const due = Date.now() + 30;
  const fflags = NOTE_ABSOLUTE | unit;
  chg(q, { ...timer(1), flags: EV_ADD, fflags, data: due * scale });
  expectEvents(get(q, 1, SOON), { ...timer(1), flags: ONCE, data: 1 });
  expect(Date.now()).toBeGreaterThanOrEqual(due - ROUNDING);
});

ruleTest('J7 an absolute timer counts 1, even if collected late', () => {
  const q = kqueue();
  const data = Date.now() + 5;
  chg(q, { ...timer(1), flags: EV_ADD, fflags: NOTE_ABSOLUTE, data });
  sleep(40);
  expectEvents(poll(q), { ...timer(1), flags: ONCE, data: 1 });
});

ruleTest.each([
  ['2^62 seconds', NOTE_SECONDS, 2n ** 62n],
  ['2^62 milliseconds', 0, 2n ** 62n],
  ['2^62 microseconds', NOTE_USECONDS, 2n ** 62n],
  ['-1 absolute second', NOTE_ABSOLUTE | NOTE_SECONDS, -1n],
  ['-1 absolute millisecond', NOTE_ABSOLUTE, -1n],
  ['-1 absolute microsecond', NOTE_ABSOLUTE | NOTE_USECONDS, -1n],
])('J8 %s is ERANGE', (_, fflags, data) => {
  const q = kqueue();
  const add = { ...timer(1), flags: EV_ADD, fflags, data };
  expect(refusal(q, add)).toBe('ERANGE');
  expect(refusal(q, { ...timer(1), flags: EV_DELETE })).toBe('ENOENT');
});

ruleTest.each([
  ['2^63-1 nanoseconds', NOTE_NSECONDS, 2n ** 63n - 1n],
  ['a hundred years', NOTE_SECONDS, 3_155_760_000n],
  ['-1 absolute nanosecond', NOTE_ABSOLUTE | NOTE_NSECONDS, -1n],
])('J8 accepts %s, far in the future', (_, fflags, data) => {
  const q = kqueue();
  chg(q, { ...timer(1), flags: EV_ADD, fflags, data });
  expectEvents(get(q, 1, 10));
  chg(q, { ...timer(1), flags: EV_DELETE });
});

ruleTest('J8 a timer far in the future does not delay a near one', () => {
  const q = kqueue();
  const fflags = NOTE_NSECONDS;
  chg(q, { ...timer(1), flags: EV_ADD, fflags, data: 2n ** 63n - 1n });
  chg(q, { ...timer(2), flags: EV_ADD | EV_ONESHOT, data: 5 });
  const [event] = get(q, 2, SOON);
  expect(event.ident).toBe(2);
});

ruleTest('J9 a change drops uncollected ticks', () => {
  const q = kqueue();
  chg(q, { ...timer(1), flags: EV_ADD, data: 5 });
  sleep(30);
  chg(q, { ...timer(1), data: HOUR_MS, udata: 7 });
  expectEvents(poll(q));
  chg(q, { ...timer(1), flags: EV_DELETE });
});

ruleTest('J9 disabling and enabling with the same data continues', () =>
  timed(() => {
    const q = kqueue();
    chg(q, { ...timer(1), flags: EV_ADD, data: 20 });
    chg(q, { ...timer(1), flags: EV_DISABLE, data: 20 });
    expectEvents(get(q, 1, 50));
    chg(q, { ...timer(1), flags: EV_ENABLE, data: 20 });
    for (let i = 0; i < 2; i++) {
      const took = elapsed(() => {
        expectEvents(get(q, 1, SOON), { ...timer(1), flags: PLAIN, data: 1 });
      });
      expect(took).toBeGreaterThanOrEqual(10);
    }
  }),
);

ruleTest('J10 an absolute timer cannot be made relative', () => {
  const q = kqueue();
  const data = Date.now() + 30;
  chg(q, { ...timer(1), flags: EV_ADD, fflags: NOTE_ABSOLUTE, data });
  expect(refusal(q, { ...timer(1), data: HOUR_MS })).toBe('EINVAL');
  expectEvents(get(q, 1, SOON), { ...timer(1), flags: ONCE, data: 1 });
});

ruleTest(
  'J11 does not report the ticks of a disabled timer after ENABLE',
  () => {
    const q = kqueue();
    chg(q, { ...timer(1), flags: EV_ADD | EV_DISABLE, data: 5 });
    sleep(30);
    expectEvents(poll(q));
    chg(q, { ...timer(1), flags: EV_ENABLE, data: HOUR_MS });
    expectEvents(poll(q));
    chg(q, { ...timer(1), flags: EV_DELETE });
  },
);

ruleTest('J12 a DISPATCH timer that is enabled fires again and again', () => {
  const q = kqueue();
  const flags = PLAIN | EV_DISPATCH;
  chg(q, { ...timer(1), flags: EV_ADD | EV_DISPATCH, data: 5 });
  for (let i = 0; i < 3; i++) {
    const [event] = get(q, 1, SOON);
    expect(event).toMatchObject({ ...timer(1), flags });
    expectEvents(get(q, 1, 15));
    chg(q, { ...timer(1), flags: EV_ENABLE, data: 5 });
  }
});

ruleTest(
  'J15 a timer fires without a pending call, and poll(2) reports it',
  () =>
    timed(() => {
      const q = kqueue();
      chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 10 });
      expect(libc.poll(q, libc.POLLIN)).toBe(0);
      expect(libc.poll(q, libc.POLLIN, SOON)).toBe(libc.POLLIN);
      expect(poll(q)).toHaveLength(1);
      expect(libc.poll(q, libc.POLLIN)).toBe(0);
    }),
);

ruleTest.each([1, 3, 7])('J15 a timer of %d ms does not fire early', (data) => {
  const q = kqueue();
  for (let i = 0; i < 5; i++) {
    const took = elapsed(() => {
      chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, data });
      expect(get(q, 1, SOON)).toHaveLength(1);
    });
    expect(took).toBeGreaterThanOrEqual(data);
  }
});

ruleTest('J15 a call that adds a timer waits for it', () => {
  const q = kqueue();
  const once = { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 1 };
  expect(change(q, [once], 1, 40)).toHaveLength(1);
});

ruleTest('J16 a fired one-shot can be changed until it is collected', () => {
  const q = kqueue();
  chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 5 });
  sleep(20);
  chg(q, { ...timer(1), data: HOUR_MS });
  expectEvents(poll(q));
  chg(q, { ...timer(1), flags: EV_DELETE });
});

ruleTest('T6 a one-shot collected late counts the elapsed periods', () =>
  timed(() => {
    const q = kqueue();
    chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 10 });
    sleep(55);
    const [event] = poll(q);
    expect(event).toMatchObject({ ...timer(1), flags: ONCE });
    expect(event.data).toBeGreaterThanOrEqual(5);
    expect(event.data).toBeLessThanOrEqual(9);
  }),
);
