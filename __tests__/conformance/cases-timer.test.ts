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
  elapsed,
  expectEvents,
  get,
  isolate,
  kqueue,
  NOTE_ABSOLUTE,
  NOTE_NSECONDS,
  NOTE_SECONDS,
  poll,
  ROUNDING,
  refusal,
  SOON,
  sleep,
  timed,
  timer,
} from './prelude.js';

isolate();

const PLAIN = EV_ADD | EV_CLEAR;
const ONCE = EV_ADD | EV_CLEAR | EV_ONESHOT;
/** Late enough to be sure that it is the other deadline that fired. */
const LATE = 500;

caseTest('M02', 'data counts the periods since the last delivery', () =>
  timed(() => {
    const q = kqueue();
    chg(q, { ...timer(1), flags: EV_ADD, data: 50 });
    // Half a period later than the fifth time.
    sleep(275);
    const [event] = poll(q, 1);
    expect(event).toMatchObject({ ...timer(1), flags: PLAIN, fflags: 0 });
    expect(event.data).toBeGreaterThanOrEqual(5);
    expect(event.data).toBeLessThanOrEqual(7);
    expectEvents(poll(q));
  }),
);

caseTest('M03', 'a ONESHOT timer fires once and is removed', () =>
  timed(() => {
    const q = kqueue();
    const took = elapsed(() => {
      chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 20 });
      expectEvents(get(q, 1, SOON), { ...timer(1), flags: ONCE, data: 1 });
    });
    expect(took).toBeGreaterThanOrEqual(20);
    expectEvents(get(q, 1, 60));
    const remove = { ...timer(1), flags: EV_DELETE };
    expect(refusal(q, remove)).toBe('ENOENT');
  }),
);

caseTest('M05', 'two units at once are EINVAL', () => {
  const q = kqueue();
  const fflags = NOTE_SECONDS | NOTE_NSECONDS;
  const add = { ...timer(1), flags: EV_ADD, fflags, data: 1 };
  expect(refusal(q, add)).toBe('EINVAL');
});

caseTest('M06', 'a period of zero fires at once, once, and stays', () => {
  const q = kqueue();
  chg(q, { ...timer(1), flags: EV_ADD, data: 0 });
  expectEvents(get(q, 1, SOON), { ...timer(1), flags: PLAIN, data: 1 });
  sleep(50);
  expectEvents(poll(q));
  chg(q, { ...timer(1), flags: EV_DELETE });
});

caseTest('M08', 'a period that overflows is ERANGE', () => {
  const q = kqueue();
  const fflags = NOTE_SECONDS;
  const add = { ...timer(1), flags: EV_ADD, fflags, data: 2n ** 62n };
  expect(refusal(q, add)).toBe('ERANGE');
  expect(refusal(q, { ...timer(1), flags: EV_DELETE })).toBe('ENOENT');
});

caseTest('M09', 'an absolute timer fires once, at its time', () => {
  const q = kqueue();
  const data = Date.now() + 100;
  chg(q, { ...timer(1), flags: EV_ADD, fflags: NOTE_ABSOLUTE, data });
  expectEvents(poll(q));
  expectEvents(get(q, 1, SOON), { ...timer(1), flags: ONCE, data: 1 });
  expect(Date.now()).toBeGreaterThanOrEqual(data - ROUNDING);
  expect(refusal(q, { ...timer(1), flags: EV_DELETE })).toBe('ENOENT');
});

caseTest('M11', 'a relative timer cannot be made absolute', () =>
  timed(() => {
    const q = kqueue();
    chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 80 });
    const absolute = {
      ...timer(1),
      flags: EV_ADD,
      fflags: NOTE_ABSOLUTE,
      data: Date.now() + 10_000,
    };
    expect(refusal(q, absolute)).toBe('EINVAL');
    const took = elapsed(() => {
      expectEvents(get(q, 1, SOON), { ...timer(1), flags: ONCE, data: 1 });
    });
    expect(took).toBeLessThan(80 + LATE);
  }),
);

caseTest('M12', 'adding again starts the new period from now', () =>
  timed(() => {
    const q = kqueue();
    chg(q, { ...timer(1), flags: EV_ADD, data: 2000 });
    const took = elapsed(() => {
      chg(q, { ...timer(1), flags: EV_ADD, data: 30 });
      expectEvents(get(q, 1, SOON), { ...timer(1), flags: PLAIN, data: 1 });
    });
    expect(took).toBeGreaterThanOrEqual(30);
    expect(took).toBeLessThan(30 + LATE);
  }),
);

caseTest('M14', 'new data without ADD re-arms a timer that exists', () =>
  timed(() => {
    const q = kqueue();
    const once = { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 2000 };
    expect(refusal(q, { ...timer(1), data: 30 })).toBe('ENOENT');
    chg(q, once);
    chg(q, { ...timer(1), data: 30 });
    const took = elapsed(() => {
      expectEvents(get(q, 1, SOON), { ...timer(1), flags: ONCE, data: 1 });
    });
    expect(took).toBeLessThan(30 + LATE);
  }),
);

caseTest('M15', 'ENABLE with data 0 fires at once and ends the period', () => {
  const q = kqueue();
  chg(q, { ...timer(1), flags: EV_ADD, data: 20 });
  chg(q, { ...timer(1), flags: EV_DISABLE });
  chg(q, { ...timer(1), flags: EV_ENABLE });
  expectEvents(get(q, 1, SOON), { ...timer(1), flags: PLAIN, data: 1 });
  sleep(80);
  expectEvents(poll(q));
  chg(q, { ...timer(1), flags: EV_DELETE });
});

caseTest('M17', 'a DISPATCH timer waits for ENABLE, which restarts it', () =>
  timed(() => {
    const q = kqueue();
    const flags = PLAIN | EV_DISPATCH;
    chg(q, { ...timer(1), flags: EV_ADD | EV_DISPATCH, data: 20 });
    expectEvents(get(q, 1, SOON), { ...timer(1), flags, data: 1 });
    sleep(100);
    expectEvents(poll(q));
    const took = elapsed(() => {
      chg(q, { ...timer(1), flags: EV_ENABLE, data: 20 });
      expectEvents(get(q, 1, SOON), { ...timer(1), flags, data: 1 });
    });
    expect(took).toBeGreaterThanOrEqual(20);
  }),
);

caseTest('M18', 'a period keeps its phase when it is collected late', () =>
  timed(() => {
    const q = kqueue();
    const PERIOD = 100;
    const start = performance.now();
    const since = () => performance.now() - start;
    chg(q, { ...timer(1), flags: EV_ADD, data: PERIOD });
    const tick = (data: number) => ({ ...timer(1), flags: PLAIN, data });
    sleep(PERIOD + 30);
    expectEvents(poll(q), tick(1));
    sleep(2 * PERIOD + 30 - since());
    expectEvents(poll(q), tick(1));
    expectEvents(get(q, 1, SOON), tick(1));
    // One that drifted would fire a period after the late collection: at 330.
    expect(since()).toBeGreaterThanOrEqual(3 * PERIOD);
    expect(since()).toBeLessThan(3 * PERIOD + 25);
  }),
);

caseTest('M20', 'the same ident in two queues is two timers', () => {
  const [p, q] = [kqueue(), kqueue()];
  chg(p, { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 0, udata: 1 });
  chg(q, { ...timer(1), flags: EV_ADD | EV_ONESHOT, data: 60_000, udata: 2 });
  expectEvents(get(p, 1, SOON), {
    ...timer(1),
    flags: ONCE,
    data: 1,
    udata: 1,
  });
  expectEvents(poll(q));
  chg(q, { ...timer(1), flags: EV_DELETE });
});

caseTest('M21', 'timers are delivered in the order of their deadlines', () =>
  timed(() => {
    const q = kqueue();
    for (const i of [8, 3, 5, 1, 7, 2, 6, 4]) {
      chg(q, { ...timer(i), flags: EV_ADD | EV_ONESHOT, data: 10 * i });
    }
    sleep(120);
    const idents = poll(q, 16).map(({ ident }) => ident);
    expect(idents).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  }),
);
