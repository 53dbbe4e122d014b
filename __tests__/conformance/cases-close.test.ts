import { kevent } from '../../src/index.js';
import {
  adopt,
  caseTest,
  chg,
  close,
  closeElsewhere,
  dup,
  dup2,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
  EVFILT_USER,
  expectEvents,
  forget,
  get,
  isolate,
  kqueue,
  libc,
  line,
  meanwhile,
  NOTE_TRIGGER,
  pipe,
  poll,
  read,
  refusal,
} from './prelude.js';

isolate();

const add = (ident: number) => ({ ...read(ident), flags: EV_ADD });

// Portable scripts close through the library. Other code in the process does
// not: a kernel without a notification has to detect it at the next call.
const closings = [
  { who: 'the library', shut: close },
  { who: 'other code', shut: closeElsewhere },
];

caseTest('F01', 'a closed descriptor reports nothing', () => {
  const q = kqueue();
  const [r, w] = pipe();
  libc.write(w, 1);
  chg(q, add(r));
  close(r);
  expectEvents(poll(q));
});

caseTest(
  'F03',
  'a closed descriptor reports nothing though a dup is open',
  () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, add(r));
    dup(r);
    close(r);
    libc.write(w, 1);
    expectEvents(poll(q));
  },
);

caseTest('F04', 'a descriptor and its dup are two registrations', () => {
  const q = kqueue();
  const [r, w] = pipe();
  const r2 = dup(r);
  chg(q, add(r), add(r2));
  libc.write(w, 1);
  expectEvents(poll(q), { ...add(r2), data: 1 }, { ...add(r), data: 1 });
  close(r);
  expectEvents(poll(q), { ...add(r2), data: 1 });
});

const putBack = (shut: (fd: number) => void) => () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, add(r));
  const d = dup(r);
  shut(r);
  dup2(d, r);
  libc.write(w, 1);
  expectEvents(poll(q));
  expect(refusal(q, { ...read(r), flags: EV_DELETE })).toBe('ENOENT');
};
caseTest(
  'F06',
  'dup2 of the same file back to the closed fd is not watched',
  putBack(close),
);
caseTest(
  'F06-elsewhere',
  'dup2 back to an fd that other code closed is not watched',
  putBack(closeElsewhere),
  {
    linux() {
      const q = kqueue();
      const [r, w] = pipe();
      chg(q, add(r));
      const d = dup(r);
      closeElsewhere(r);
      dup2(d, r);
      libc.write(w, 1);
      expectEvents(poll(q), { ...add(r), data: 1 });
      expect(refusal(q, { ...read(r), flags: EV_DELETE })).toBe('none');
    },
  },
);

caseTest('F07', 'VANISHED: closing reports one last event', () => {
  const q = kqueue();
  const [r] = pipe();
  const kind = EV_DISPATCH | EV_UDATA_SPECIFIC | EV_VANISHED;
  chg(q, { ...read(r), flags: EV_ADD | kind, udata: 0x77 });
  close(r);
  const flags = kind | EV_ONESHOT;
  expectEvents(poll(q), { ...read(r), flags, udata: 0x77 });
  expectEvents(poll(q));
});

caseTest(
  'F09',
  'an fd closed and reused during a call reports nothing',
  async () => {
    const q = kqueue();
    const [r] = pipe();
    chg(q, add(r));
    const acts = [
      { op: 'close', fd: 'r' },
      { op: 'pipe', as: ['n', 'nw'], reuses: 'r' },
      { op: 'write', fd: 'nw', bytes: 1 },
    ];
    const { result, report } = await meanwhile({ r }, acts, () =>
      get(q, 1, 300),
    );
    forget(r);
    adopt(report.names.n);
    adopt(report.names.nw);
    expectEvents(result);
  },
);

for (const { who, shut } of closings) {
  describe(`When ${who} closes a watched descriptor`, () => {
    test('D18 its pending event is dropped', () => {
      const q = kqueue();
      const [r, w] = pipe();
      libc.write(w, 1);
      chg(q, add(r));
      shut(r);
      expectEvents(poll(q));
    });

    test('D18 it reports nothing although a dup keeps the file open', () => {
      const q = kqueue();
      const [r, w] = pipe();
      chg(q, add(r));
      dup(r);
      shut(r);
      libc.write(w, 1);
      expectEvents(poll(q));
      expectEvents(poll(q));
    });

    test('D19 the registration of its dup continues', () => {
      const q = kqueue();
      const [r, w] = pipe();
      const r2 = dup(r);
      chg(q, add(r), add(r2));
      libc.write(w, 1);
      expect(poll(q)).toHaveLength(2);
      shut(r);
      expectEvents(poll(q), { ...add(r2), data: 1 });
      libc.read(r2, 1);
      expectEvents(poll(q));
      libc.write(w, 2);
      expectEvents(poll(q), { ...add(r2), data: 2 });
    });

    test('D18 another file at the descriptor is not watched', () => {
      const q = kqueue();
      const [r, w] = pipe();
      const [other, otherW] = pipe();
      libc.write(w, 1);
      libc.write(otherW, 2);
      chg(q, { ...add(r), udata: 1 });
      shut(r);
      dup2(other, r);
      expectEvents(poll(q));
    });

    test('D18 another file at the descriptor can be added', () => {
      const q = kqueue();
      const [r, w] = pipe();
      const [other, otherW] = pipe();
      const flags = EV_ADD | EV_CLEAR;
      chg(q, { ...read(r), flags, udata: 1 });
      dup(r);
      shut(r);
      dup2(other, r);
      chg(q, { ...add(r), udata: 2 });
      libc.write(w, 1);
      expectEvents(poll(q));
      libc.write(otherW, 2);
      expectEvents(poll(q), { ...add(r), data: 2, udata: 2 });
    });

    test('D5 deleting it fails with ENOENT, not EBADF', () => {
      const q = kqueue();
      const [r] = pipe();
      chg(q, add(r));
      shut(r);
      expect(refusal(q, { ...read(r), flags: EV_DELETE })).toBe('ENOENT');
    });

    test('D18 no queue reports it', () => {
      const queues = [kqueue(), kqueue()];
      const [r, w] = pipe();
      libc.write(w, 1);
      for (const q of queues) chg(q, add(r));
      shut(r);
      for (const q of queues) expectEvents(poll(q));
    });

    test('D17 VANISHED reports one last event', () => {
      const q = kqueue();
      const [r, w] = pipe();
      const kind = EV_DISPATCH | EV_UDATA_SPECIFIC | EV_VANISHED;
      libc.write(w, 1);
      chg(q, { ...read(r), flags: EV_ADD | kind, udata: 0x77 });
      shut(r);
      const last = { ...read(r), flags: kind | EV_ONESHOT, udata: 0x77 };
      expect(poll(q).map(line)).toEqual([line(last)]);
    });
  });
}

test('D18 dup2 over a watched descriptor drops its registration', () => {
  const q = kqueue();
  const [r, w] = pipe();
  const [other, otherW] = pipe();
  chg(q, add(r));
  libc.write(w, 1);
  libc.dup2(other, r);
  libc.write(otherW, 2);
  expectEvents(poll(q));
  expect(refusal(q, { ...read(r), flags: EV_DELETE })).toBe('ENOENT');
});

test.each([
  ['DELETE', EV_DELETE],
  ['ENABLE', EV_ENABLE],
  ['DISABLE', EV_DISABLE],
  ['no flag', 0],
])('D18 %s does not affect the former file of the descriptor', (_, flags) => {
  const q = kqueue();
  const [r] = pipe();
  const [other] = pipe();
  chg(q, add(r));
  closeElsewhere(r);
  dup2(other, r);
  expect(refusal(q, { ...read(r), flags })).toBe('ENOENT');
});

test('D17 events before a close are delivered before the event of the close', () => {
  const q = kqueue();
  const [r, w] = pipe();
  const [gone] = pipe();
  const kind = EV_DISPATCH | EV_UDATA_SPECIFIC | EV_VANISHED;
  const vanishing = (udata: number) => ({ ...read(gone), flags: kind, udata });
  const watch = (udata: number) => ({
    ...vanishing(udata),
    flags: EV_ADD | kind,
  });
  chg(q, add(r), watch(1), watch(2));
  libc.write(w, 1);
  close(gone);
  const last = [2, 1].map((udata) => ({
    ...vanishing(udata),
    flags: kind | EV_ONESHOT,
  }));
  expectEvents(poll(q), { ...add(r), data: 1 }, ...last);
});

test('D17 VANISHED is reported after another such registration was deleted', () => {
  const q = kqueue();
  const [gone] = pipe();
  const [kept] = pipe();
  const kind = EV_DISPATCH | EV_UDATA_SPECIFIC;
  const flags = EV_ADD | EV_VANISHED | kind;
  chg(q, { ...read(kept), flags }, { ...read(gone), flags });
  chg(q, { ...read(kept), flags: EV_DELETE | EV_UDATA_SPECIFIC });
  closeElsewhere(gone);
  const last = kind | EV_VANISHED | EV_ONESHOT;
  expectEvents(poll(q), { ...read(gone), flags: last });
});

test('D17 VANISHED has no effect if the descriptor is not closed', () => {
  const q = kqueue();
  const [r, w] = pipe();
  const kind = EV_DISPATCH | EV_UDATA_SPECIFIC;
  const flags = EV_ADD | EV_VANISHED | kind;
  chg(q, { ...read(r), flags, udata: 1 });
  libc.write(w, 1);
  const [event] = poll(q);
  expect(event).toMatchObject({ ...read(r), data: 1, udata: 1n });
  expect(event.flags & kind).toBe(kind);
});

test('B11 closing a queue leaves the watched descriptors open and usable', () => {
  const q = kqueue();
  const [r, w] = pipe();
  chg(q, add(r));
  close(q);
  libc.write(w, 3);
  expect(libc.read(r, 8)).toBe(3);
});

test('B11 a queue at the descriptor of a closed one is empty', () => {
  const q = kqueue();
  chg(q, { ident: 1, filter: EVFILT_USER, flags: EV_ADD });
  kevent(q, [{ ident: 1, filter: EVFILT_USER, fflags: NOTE_TRIGGER }], null);
  close(q);
  const p = kqueue();
  expectEvents(poll(p));
  const remove = { ident: 1, filter: EVFILT_USER, flags: EV_DELETE };
  expect(refusal(p, remove)).toBe('ENOENT');
});

test('D18 closing a watched queue drops its registration', () => {
  const q = kqueue();
  const k = kqueue();
  chg(k, { ident: 1, filter: EVFILT_USER, flags: EV_ADD });
  chg(q, add(k));
  chg(k, { ident: 1, filter: EVFILT_USER, fflags: NOTE_TRIGGER });
  close(k);
  expectEvents(poll(q));
  expect(refusal(q, { ...read(k), flags: EV_DELETE })).toBe('ENOENT');
});
