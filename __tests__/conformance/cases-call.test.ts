import { constants } from 'node:os';
import { KeventList, kevent } from '../../src/index.js';
import {
  caseTest,
  change,
  chg,
  codeOf,
  ENOENT,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ERROR,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_VANISHED,
  EVFILT_AIO,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VM,
  EVFILT_WRITE,
  elapsed,
  expectEvents,
  get,
  isolate,
  kqueue,
  libc,
  meanwhile,
  NOTE_TRIGGER,
  pipe,
  poll,
  refusal,
  SOON,
  socketpair,
  user,
} from './prelude.js';

isolate();

caseTest('C01', 'a queue is not inherited by a child', () => {
  const q = kqueue();
  expect(q).toBeGreaterThanOrEqual(0);
  expect(libc.descriptorFlags(q) & libc.FD_CLOEXEC).toBe(libc.FD_CLOEXEC);
});

caseTest('C03', 'a descriptor that is not a queue fails with EBADF', () => {
  const [r, w] = pipe();
  expect(codeOf(() => poll(r))).toBe('EBADF');
  expect(codeOf(() => poll(w))).toBe('EBADF');
});

caseTest('C04', 'polling an empty queue returns 0 at once', () => {
  const q = kqueue();
  expect(elapsed(() => expectEvents(poll(q, 1)))).toBeLessThan(1000);
});

caseTest(
  'C06',
  'without room it does not wait, and the event stays pending',
  () => {
    const q = kqueue();
    chg(q, { ...user(1), flags: EV_ADD | EV_CLEAR });
    chg(q, { ...user(1), fflags: NOTE_TRIGGER });
    const took = elapsed(() => expect(kevent(q, null, null, null)).toBe(0));
    expect(took).toBeLessThan(1000);
    expectEvents(poll(q), { ...user(1), flags: EV_ADD | EV_CLEAR });
  },
);

caseTest('C07', 'without room it ignores a timeout of ten seconds', () => {
  const q = kqueue();
  const wait = { tv_sec: 10, tv_nsec: 0 };
  const took = elapsed(() => expect(kevent(q, null, null, wait)).toBe(0));
  expect(took).toBeLessThan(1000);
});

caseTest('C09', 'exactly 1000000000 nanoseconds is a second', () => {
  const q = kqueue();
  const took = elapsed(() => {
    expectEvents(get(q, 1, { tv_sec: 0, tv_nsec: 1_000_000_000 }));
  });
  expect(took).toBeGreaterThanOrEqual(1000);
  expect(took).toBeLessThan(3000);
});

caseTest('C10', 'a bad timeout is refused before any change applies', () => {
  const q = kqueue();
  const changes = [{ ...user(1), flags: EV_ADD }];
  const call = () => kevent(q, changes, null, { tv_sec: 0, tv_nsec: -1 });
  expect(codeOf(call)).toBe('EINVAL');
  expect(refusal(q, { ...user(1), flags: EV_DELETE })).toBe('ENOENT');
});

caseTest('C12', 'without room the first failing change ends the call', () => {
  const q = kqueue();
  const changes = [
    { ...user(99), flags: EV_DELETE },
    { ...user(1), flags: EV_ADD },
  ];
  expect(refusal(q, ...changes)).toBe('ENOENT');
  expect(refusal(q, { ...user(1), flags: EV_DELETE })).toBe('ENOENT');
});

caseTest(
  'C13',
  'with room a failing change is an entry, the rest apply',
  () => {
    const q = kqueue();
    const changes = [
      { ...user(99), flags: EV_DELETE, udata: 7 },
      { ...user(1), flags: EV_ADD },
    ];
    expectEvents(change(q, changes, 1), {
      ...user(99),
      flags: EV_DELETE | EV_ERROR,
      data: ENOENT,
      udata: 7,
    });
    chg(q, { ...user(1), flags: EV_DELETE });
  },
);

caseTest(
  'C15',
  'a receipt is an entry with data 0 that echoes the rest',
  () => {
    const q = kqueue();
    const flags = EV_ADD | EV_RECEIPT;
    const add = { ...user(1), flags, fflags: 0x123, udata: 0x77 };
    expectEvents(change(q, [add], 1), {
      ...user(1),
      flags: flags | EV_ERROR,
      fflags: 0x123,
      udata: 0x77,
    });
  },
);

caseTest(
  'C16',
  'a call that returns receipts neither waits nor collects',
  () => {
    const q = kqueue();
    chg(q, { ...user(1), flags: EV_ADD | EV_CLEAR });
    chg(q, { ...user(1), fflags: NOTE_TRIGGER });
    const flags = EV_ADD | EV_RECEIPT;
    expectEvents(change(q, [{ ...user(2), flags }], 8, null), {
      ...user(2),
      flags: flags | EV_ERROR,
    });
    expectEvents(poll(q), { ...user(1), flags: EV_ADD | EV_CLEAR });
  },
);

caseTest('C18', 'a receipt without room is no error', () => {
  const q = kqueue();
  chg(q, { ...user(1), flags: EV_ADD | EV_RECEIPT });
  chg(q, { ...user(1), flags: EV_DELETE });
});

caseTest('C19', 'the receipt of a failing change holds its errno', () => {
  const q = kqueue();
  const flags = EV_DELETE | EV_RECEIPT;
  expectEvents(change(q, [{ ...user(1), flags }], 1), {
    ...user(1),
    flags: flags | EV_ERROR,
    data: ENOENT,
  });
});

caseTest('C21', 'one list can hold the changes and receive the events', () => {
  const q = kqueue();
  const flags = EV_ADD | EV_CLEAR;
  const list = KeventList.of(
    { ...user(1), flags, fflags: NOTE_TRIGGER, udata: 1 },
    { ...user(2), flags, fflags: NOTE_TRIGGER, udata: 2 },
  );
  expect(kevent(q, list, list, 0)).toBe(2);
  expectEvents(
    [...list],
    { ...user(1), flags, fflags: NOTE_TRIGGER, udata: 1 },
    { ...user(2), flags, fflags: NOTE_TRIGGER, udata: 2 },
  );
});

caseTest('C22', 'a caught signal ends a sleeping call with EINTR', async () => {
  const q = kqueue();
  const signal = constants.signals.SIGWINCH;
  const restore = libc.catchSignal(signal);
  try {
    const add = { ...user(1), flags: EV_ADD };
    const acts = [{ op: 'kill', signal }];
    const { result } = await meanwhile({}, acts, () =>
      codeOf(() => change(q, [add], 1, 3000)),
    );
    expect(result).toBe('EINTR');
    chg(q, { ...user(1), flags: EV_DELETE });
  } finally {
    restore();
  }
});

caseTest('C24', 'adding a descriptor that is not open fails with EBADF', () => {
  const q = kqueue();
  const ident = libc.unusedNumber(q);
  for (const filter of [EVFILT_READ, EVFILT_WRITE]) {
    expect(refusal(q, { ident, filter, flags: EV_ADD })).toBe('EBADF');
  }
});

caseTest('C25', 'an open descriptor plus 2^32 fails with EINVAL', () => {
  const q = kqueue();
  const [r] = pipe();
  const ident = r + 2 ** 32;
  const add = { ident, filter: EVFILT_READ, flags: EV_ADD };
  expect(refusal(q, add)).toBe('EINVAL');
});

caseTest('C27', 'a filter without an implementation is ENOTSUP', () => {
  const q = kqueue();
  for (const filter of [EVFILT_VM, EVFILT_AIO]) {
    const change = { ident: 1, filter };
    expect(refusal(q, { ...change, flags: EV_ADD })).toBe('ENOTSUP');
    expect(refusal(q, { ...change, flags: EV_DELETE })).toBe('ENOENT');
  }
});

caseTest('C28', 'changing an unknown registration fails with ENOENT', () => {
  const q = kqueue();
  const [r, w] = pipe();
  for (const target of [
    { ident: r, filter: EVFILT_READ },
    { ident: w, filter: EVFILT_WRITE },
    { ident: 1, filter: EVFILT_TIMER, data: 10 },
    { ident: 1, filter: EVFILT_USER },
  ]) {
    for (const flags of [EV_DELETE, EV_ENABLE, EV_DISABLE, 0]) {
      expect(refusal(q, { ...target, flags })).toBe('ENOENT');
    }
  }
});

caseTest('C30', 'DELETE wins over ADD', () => {
  const q = kqueue();
  const both = { ...user(1), flags: EV_ADD | EV_DELETE };
  expect(refusal(q, both)).toBe('ENOENT');
  chg(q, { ...user(1), flags: EV_ADD });
  chg(q, both);
  expect(refusal(q, { ...user(1), flags: EV_DELETE })).toBe('ENOENT');
});

caseTest('C31', 'DISABLE wins over ENABLE', () => {
  const q = kqueue();
  chg(q, { ...user(1), flags: EV_ADD });
  chg(q, { ...user(1), flags: EV_ENABLE | EV_DISABLE });
  chg(q, { ...user(1), fflags: NOTE_TRIGGER });
  expectEvents(poll(q));
});

caseTest('C33', 'READ and WRITE of one socket are two events', () => {
  const q = kqueue();
  const [a, b] = socketpair();
  chg(
    q,
    { ident: a, filter: EVFILT_READ, flags: EV_ADD, udata: 1 },
    { ident: a, filter: EVFILT_WRITE, flags: EV_ADD, udata: 2 },
  );
  libc.write(b, 3);
  const events = poll(q);
  const [write, read] = events;
  expectEvents(
    events,
    {
      ident: a,
      filter: EVFILT_WRITE,
      flags: EV_ADD,
      data: write.data,
      udata: 2,
    },
    { ident: a, filter: EVFILT_READ, flags: EV_ADD, data: 3, udata: 1 },
  );
  expect(write.data).toBeGreaterThan(0);
  expect(read.data).toBe(3);
});

caseTest('C34', 'one ident with three filters is three registrations', () => {
  const q = kqueue();
  const [ident, w] = pipe();
  chg(
    q,
    { ident, filter: EVFILT_READ, flags: EV_ADD, udata: 1 },
    { ident, filter: EVFILT_USER, flags: EV_ADD | EV_CLEAR, udata: 2 },
    {
      ident,
      filter: EVFILT_TIMER,
      flags: EV_ADD | EV_ONESHOT,
      data: 0,
      udata: 3,
    },
  );
  libc.write(w, 1);
  chg(q, { ident, filter: EVFILT_USER, fflags: NOTE_TRIGGER, udata: 2 });
  const seen = [...get(q, 8, SOON), ...poll(q)].map(({ udata }) => udata);
  expect([...new Set(seen)].sort()).toEqual([1n, 2n, 3n]);
  chg(q, { ident, filter: EVFILT_READ, flags: EV_DELETE });
  chg(q, { ident, filter: EVFILT_USER, flags: EV_DELETE });
  const timer = { ident, filter: EVFILT_TIMER, flags: EV_DELETE };
  expect(refusal(q, timer)).toBe('ENOENT');
});

caseTest('C36', 'VANISHED without DISPATCH|UDATA_SPECIFIC is EINVAL', () => {
  const q = kqueue();
  const [ident] = pipe();
  const flags = EV_ADD | EV_VANISHED;
  expect(refusal(q, { ident, filter: EVFILT_READ, flags })).toBe('EINVAL');
});
