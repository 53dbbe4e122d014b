// The call, its changes and its registrations: rules A to D of docs/rules.md
// that no case of the list covers.
import { KqueueError, kevent, close as libraryClose } from '../../src/index.js';
import {
  change,
  chg,
  close,
  closeElsewhere,
  codeOf,
  dup,
  EBADF,
  EDGE,
  EINPROGRESS,
  EINVAL,
  ENOENT,
  ENOTSUP,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ERROR,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
  EVFILT_AIO,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_WRITE,
  elapsed,
  expectEvents,
  forget,
  get,
  isolate,
  kqueue,
  libc,
  meanwhile,
  NOTE_LOWAT,
  NOTE_TRIGGER,
  pipe,
  poll,
  refusal,
  ruleTest,
  SOON,
  socketpair,
  timed,
  user,
} from './prelude.js';

isolate();

const read = (ident: number | bigint) => ({ ident, filter: EVFILT_READ });

describe('The queue', () => {
  ruleTest('B7 a watched queue reports its number of pending events', () => {
    const q = kqueue();
    const k = kqueue();
    chg(q, { ...read(k), flags: EV_ADD });
    expectEvents(poll(q));
    for (const i of [1, 2, 3]) {
      chg(k, { ...user(i), flags: EDGE, fflags: NOTE_TRIGGER });
    }
    expectEvents(poll(q), { ...read(k), flags: EV_ADD, data: 3 });
    expect(poll(k, 2)).toHaveLength(2);
    expectEvents(poll(q), { ...read(k), flags: EV_ADD, data: 1 });
    expect(poll(k, 2)).toHaveLength(1);
    expectEvents(poll(q));
  });

  ruleTest('B7 data for a watched queue is reported by its parent', () => {
    const q = kqueue();
    const k = kqueue();
    const [r, w] = pipe();
    chg(k, { ...read(r), flags: EV_ADD });
    chg(q, { ...read(k), flags: EV_ADD });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(k), flags: EV_ADD, data: 1 });
    expectEvents(poll(k), { ...read(r), flags: EV_ADD, data: 1 });
  });

  ruleTest('B7 an event of a watched queue wakes a blocked call', async () => {
    const q = kqueue();
    const k = kqueue();
    const [r, w] = pipe();
    chg(k, { ...read(r), flags: EV_ADD });
    chg(q, { ...read(k), flags: EV_ADD });
    const acts = [{ op: 'write', fd: 'w', bytes: 1 }];
    const { result } = await meanwhile({ w }, acts, () => get(q, 1, SOON));
    expectEvents(result, { ...read(k), flags: EV_ADD, data: 1 });
  });

  ruleTest('B8 two queues cannot watch each other', () => {
    const q = kqueue();
    const k = kqueue();
    chg(q, { ...read(k), flags: EV_ADD });
    expect(refusal(k, { ...read(q), flags: EV_ADD })).toBe('EINVAL');
  });

  ruleTest('B8 a ring of three queues is refused', () => {
    const [a, b, c] = [kqueue(), kqueue(), kqueue()];
    chg(a, { ...read(b), flags: EV_ADD });
    chg(b, { ...read(c), flags: EV_ADD });
    expect(refusal(c, { ...read(a), flags: EV_ADD })).toBe('EINVAL');
  });
});

/** Every queue of a chain watches the one before it. */
function chain(length: number): number[] {
  const queues = Array.from({ length }, kqueue);
  for (const [i, q] of queues.entries()) {
    if (i > 0) chg(q, { ...read(queues[i - 1]), flags: EV_ADD });
  }
  return queues;
}

describe('Chains of queues', () => {
  ruleTest(
    'B8 a trigger at the bottom of ten queues is reported at the top',
    () => {
      const queues = chain(10);
      const top = queues[9];
      chg(queues[0], { ...user(1), flags: EDGE, fflags: NOTE_TRIGGER });
      expectEvents(poll(top), { ...read(queues[8]), flags: EV_ADD, data: 1 });
      expect(poll(queues[0])).toHaveLength(1);
    },
  );

  ruleTest(
    'B8 data for the bottom of ten queues is reported at the top',
    () => {
      const queues = chain(10);
      const top = queues[9];
      const [r, w] = pipe();
      chg(queues[0], { ...read(r), flags: EV_ADD });
      expectEvents(poll(top));
      libc.write(w, 1);
      expectEvents(poll(top), { ...read(queues[8]), flags: EV_ADD, data: 1 });
    },
  );

  ruleTest(
    'B8 data for the bottom of ten queues wakes a call at the top',
    async () => {
      const queues = chain(10);
      const top = queues[9];
      const [r, w] = pipe();
      chg(queues[0], { ...read(r), flags: EV_ADD });
      const acts = [{ op: 'write', fd: 'w', bytes: 1 }];
      const { result } = await meanwhile({ w }, acts, () => get(top, 1, SOON));
      expectEvents(result, { ...read(queues[8]), flags: EV_ADD, data: 1 });
    },
  );

  ruleTest('B8 a timer at the bottom wakes a call at the top', () =>
    timed(() => {
      const queues = chain(4);
      const top = queues[3];
      // An emulator takes 10 ms to come to the poll.
      const timer = { ident: 1, filter: EVFILT_TIMER, data: 100 };
      chg(queues[0], { ...timer, flags: EV_ADD | EV_ONESHOT });
      expect(libc.poll(top, libc.POLLIN)).toBe(0);
      const event = { ...read(queues[2]), flags: EV_ADD, data: 1 };
      expectEvents(get(top, 1, SOON), event);
    }),
  );

  ruleTest('B11 closing a queue in the middle breaks the chain', () => {
    const queues = chain(3);
    chg(queues[0], { ...user(1), flags: EV_ADD, fflags: NOTE_TRIGGER });
    expect(poll(queues[2])).toHaveLength(1);
    close(queues[1]);
    expectEvents(poll(queues[2]));
    expect(poll(queues[0])).toHaveLength(1);
  });
});

describe('close', () => {
  ruleTest('closing a descriptor that is not open fails with EBADF', () => {
    const q = kqueue();
    const unused = libc.unusedNumber(q);
    expect(codeOf(() => libraryClose(unused))).toBe('EBADF');
    close(q);
    expect(codeOf(() => libraryClose(q))).toBe('EBADF');
  });
});

describe('The call', () => {
  ruleTest('A5 ignores the top four flag bits of a change', () => {
    const q = kqueue();
    chg(q, { ...user(1), flags: EV_ADD | 0xf000, fflags: NOTE_TRIGGER });
    const event = { ...user(1), flags: EV_ADD, fflags: NOTE_TRIGGER };
    expectEvents(poll(q), event);
  });

  ruleTest('C1 checks the timeout before the descriptor', () => {
    const [r] = pipe();
    const bad = { tv_sec: 0, tv_nsec: -1 };
    expect(codeOf(() => kevent(r, null, null, bad))).toBe('EINVAL');
  });

  ruleTest('C2 checks the descriptor before the changes', () => {
    const [r] = pipe();
    expect(refusal(r, { ident: 1, filter: 0, flags: EV_ADD })).toBe('EBADF');
  });

  ruleTest(
    'C4 a timeout is valid up to 2^31-1 seconds and 10^9 nanoseconds',
    () => {
      const q = kqueue();
      chg(q, { ...user(1), flags: EV_ADD, fflags: NOTE_TRIGGER });
      const attempt = (tv_sec: number | bigint, tv_nsec: number | bigint) =>
        codeOf(() => get(q, 1, { tv_sec, tv_nsec }));
      expect(attempt(2 ** 31 - 1, 1_000_000_000)).toBe('none');
      expect(attempt(2 ** 31, 0)).toBe('EINVAL');
      expect(attempt(2n ** 62n, 0)).toBe('EINVAL');
      expect(attempt(-1, 0)).toBe('EINVAL');
      expect(attempt(0, -1)).toBe('EINVAL');
      expect(attempt(0, 1_000_000_001)).toBe('EINVAL');
    },
  );

  ruleTest.each([0.2, 1, 3.7, 20, 50.001])(
    'C5 a wait of %d ms does not end early',
    (ms) => {
      const q = kqueue();
      const took = elapsed(() => expectEvents(get(q, 1, ms)));
      expect(took).toBeGreaterThanOrEqual(ms);
    },
  );

  ruleTest(
    'C5 a write from another thread ends a wait without limit',
    async () => {
      const q = kqueue();
      const [r, w] = pipe();
      chg(q, { ...read(r), flags: EV_ADD });
      const acts = [{ op: 'write', fd: 'w', bytes: 2 }];
      const { result } = await meanwhile({ w }, acts, () => get(q, 1, null));
      expectEvents(result, { ...read(r), flags: EV_ADD, data: 2 });
    },
  );

  ruleTest('C7 the second failure without room ends the call', () => {
    const q = kqueue();
    const changes = [
      { ...user(98), flags: EV_DELETE },
      { ...user(99), flags: EV_DELETE },
      { ...user(1), flags: EV_ADD },
    ];
    expect(codeOf(() => change(q, changes, 1))).toBe('ENOENT');
    expect(refusal(q, { ...user(1), flags: EV_DELETE })).toBe('ENOENT');
  });

  ruleTest('C7 failures fill the room in the order of the changes', () => {
    const q = kqueue();
    const changes = [
      { ...user(98), flags: EV_DELETE, udata: 1 },
      { ...user(1), flags: EV_ADD },
      { ...user(99), flags: EV_ENABLE, fflags: 5, udata: 2 },
    ];
    expectEvents(
      change(q, changes, 2, null),
      {
        ...user(98),
        flags: EV_DELETE | EV_ERROR,
        data: ENOENT,
        udata: 1,
      },
      {
        ...user(99),
        flags: EV_ENABLE | EV_ERROR,
        fflags: 5,
        data: ENOENT,
        udata: 2,
      },
    );
  });

  ruleTest('C8 drops receipts without room, and applies the changes', () => {
    const q = kqueue();
    const flags = EV_ADD | EV_RECEIPT;
    const changes = [1, 2].map((ident) => ({ ...user(ident), flags }));
    expect(change(q, changes, 1)).toHaveLength(1);
    chg(q, { ...user(1), flags: EV_DELETE }, { ...user(2), flags: EV_DELETE });
  });

  ruleTest('C9 an entry echoes the flags that took effect', () => {
    const q = kqueue();
    const changes = [
      { ...user(1), flags: EV_ADD | EV_DELETE },
      { ...user(1), flags: EV_ENABLE | EV_DISABLE },
      { ...user(1), flags: EV_DELETE | 0xf000 },
    ];
    const data = ENOENT;
    expectEvents(
      change(q, changes, 3),
      { ...user(1), flags: EV_DELETE | EV_ERROR, data },
      { ...user(1), flags: EV_DISABLE | EV_ERROR, data },
      { ...user(1), flags: EV_DELETE | EV_ERROR, data },
    );
  });

  ruleTest('C10 a failing change with room does not wait for events', () => {
    const q = kqueue();
    const took = elapsed(() => {
      const [entry] = change(q, [{ ...user(1), flags: EV_DELETE }], 4, null);
      expect(entry.data).toBe(ENOENT);
    });
    expect(took).toBeLessThan(1000);
  });

  ruleTest('C15 a call reports a registration once', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD });
    chg(q, { ...user(1), flags: EV_ADD, fflags: NOTE_TRIGGER });
    libc.write(w, 1);
    expect(poll(q, 64)).toHaveLength(2);
  });

  ruleTest('C16 a call never reports more than it has room for', () => {
    const q = kqueue();
    for (let i = 0; i < 10; i++) {
      chg(q, { ...user(i), flags: EDGE, fflags: NOTE_TRIGGER });
    }
    expect(poll(q, 3)).toHaveLength(3);
    expect(poll(q, 64)).toHaveLength(7);
  });

  ruleTest("A7 errors have Darwin's numbers, thrown and in entries", () => {
    const q = kqueue();
    const add = { ident: 1, filter: EVFILT_AIO, flags: EV_ADD };
    let thrown: unknown;
    try {
      kevent(q, [add], null);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(KqueueError);
    expect(thrown).toMatchObject({
      code: 'ENOTSUP',
      errno: -ENOTSUP,
      syscall: 'kevent',
    });
    const [entry] = change(q, [add], 1);
    expect(entry.data).toBe(ENOTSUP);
  });
});

describe('Registrations', () => {
  ruleTest.each([0, 1, 18, -19, -100, -32768, 32767])(
    'D1 filter %d does not exist: every change fails with EINVAL',
    (filter) => {
      const q = kqueue();
      for (const flags of [EV_ADD, EV_DELETE, 0]) {
        expect(refusal(q, { ident: 1, filter, flags })).toBe('EINVAL');
      }
    },
  );

  ruleTest.each([-11, -17])(
    'D2 adding filter %d fails with ENOTSUP',
    (filter) => {
      const q = kqueue();
      const add = { ident: 1, filter, flags: EV_ADD };
      expect(refusal(q, add)).toBe('ENOTSUP');
      expect(refusal(q, { ...add, flags: EV_DELETE })).toBe('ENOENT');
    },
  );

  ruleTest('D3 with UDATA_SPECIFIC udata is part of the key', () => {
    const q = kqueue();
    const flags = EDGE | EV_UDATA_SPECIFIC;
    chg(
      q,
      { ...user(1), flags, udata: 1 },
      { ...user(1), flags, udata: 2 },
      { ...user(1), flags: EDGE, udata: 3 },
    );
    const fflags = NOTE_TRIGGER;
    const one = { ...user(1), udata: 2 };
    chg(q, { ...one, flags: EV_UDATA_SPECIFIC, fflags });
    expectEvents(poll(q), { ...one, flags });
    chg(q, { ...user(1), fflags, udata: 9 });
    expectEvents(poll(q), { ...user(1), flags: EDGE, udata: 9 });
    const remove = EV_DELETE | EV_UDATA_SPECIFIC;
    expect(refusal(q, { ...user(1), flags: remove, udata: 3 })).toBe('ENOENT');
    chg(
      q,
      { ...user(1), flags: remove, udata: 1 },
      { ...user(1), flags: remove, udata: 2 },
      { ...user(1), flags: EV_DELETE },
    );
  });

  ruleTest('D3 two UDATA_SPECIFIC readers of one descriptor both fire', () => {
    const q = kqueue();
    const [r, w] = pipe();
    const flags = EV_ADD | EV_UDATA_SPECIFIC;
    chg(q, { ...read(r), flags, udata: 1 }, { ...read(r), flags, udata: 2 });
    libc.write(w, 1);
    const got = poll(q).map(({ udata }) => udata);
    expect(got.sort()).toEqual([1n, 2n]);
    const remove = EV_DELETE | EV_UDATA_SPECIFIC;
    chg(q, { ...read(r), flags: remove, udata: 1 });
    expectEvents(poll(q), { ...read(r), flags, data: 1, udata: 2 });
  });

  ruleTest.each([
    ['ident -1', -1n],
    ['ident 2^64-1', 2n ** 64n - 1n],
    ['ident 2^31', 2n ** 31n],
  ])('D4 %s is not an open descriptor: EBADF', (_, ident) => {
    const q = kqueue();
    for (const filter of [EVFILT_READ, EVFILT_WRITE]) {
      expect(refusal(q, { ident, filter, flags: EV_ADD })).toBe('EBADF');
    }
  });

  ruleTest('D4 an ident is compared as 64 bits', () => {
    const q = kqueue();
    const [r] = pipe();
    chg(q, { ...read(r), flags: EV_ADD });
    const wide = BigInt(r) + 2n ** 32n;
    expect(refusal(q, { ...read(wide), flags: EV_DELETE })).toBe('ENOENT');
    expect(refusal(q, { ...read(wide), flags: EV_ADD })).toBe('EINVAL');
    const closed = BigInt(libc.unusedNumber(r)) + 2n ** 32n;
    expect(refusal(q, { ...read(closed), flags: EV_ADD })).toBe('EBADF');
  });

  ruleTest.each([2n ** 60n, 2n ** 64n - 2n ** 60n])(
    'D4 ident %d is not the next one',
    (ident) => {
      const q = kqueue();
      const first = { ...user(ident), flags: EDGE };
      const next = { ...user(ident + 1n), flags: EDGE };
      chg(q, first, next);
      chg(q, { ...next, flags: 0, fflags: NOTE_TRIGGER });
      expectEvents(poll(q), next);
      chg(q, { ...first, flags: EV_DELETE }, { ...next, flags: EV_DELETE });
    },
  );

  ruleTest('D4 an entry has the same error as the one thrown', () => {
    const q = kqueue();
    const [r] = pipe();
    const wide = BigInt(r) + 2n ** 32n;
    const changes = [
      { ...read(-1n), flags: EV_ADD },
      { ...read(wide), flags: EV_ADD },
    ];
    const flags = EV_ADD | EV_ERROR;
    expectEvents(
      change(q, changes, 2),
      { ...read(2n ** 64n - 1n), flags, data: EBADF },
      { ...read(wide), flags, data: EINVAL },
    );
  });

  ruleTest('D5 changing a closed descriptor fails with ENOENT', () => {
    const q = kqueue();
    const [r] = pipe();
    closeElsewhere(r);
    for (const flags of [EV_DELETE, EV_ENABLE, EV_DISABLE, 0]) {
      expect(refusal(q, { ...read(r), flags })).toBe('ENOENT');
    }
  });

  ruleTest('D7 ADD|DISABLE watches from the start', () => {
    const q = kqueue();
    const [r, w] = pipe();
    const flags = EDGE | EV_DISABLE;
    chg(q, { ...read(r), flags });
    libc.write(w, 1);
    expectEvents(poll(q));
    chg(q, { ...read(r), flags: EV_ENABLE });
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
    expectEvents(poll(q));
  });

  ruleTest(
    'D8 changing a registration replaces its udata and its low-water mark',
    () => {
      const q = kqueue();
      const [a, b] = socketpair();
      libc.write(b, 5);
      const mark = { fflags: NOTE_LOWAT, data: 10, udata: 1 };
      for (const flags of [EV_ADD, EV_ENABLE, EV_ONESHOT, 0]) {
        chg(q, { ...read(a), flags: EV_ADD, ...mark });
        expectEvents(poll(q));
        chg(q, { ...read(a), flags });
        expectEvents(poll(q), { ...read(a), flags: EV_ADD, data: 5 });
      }
    },
  );

  ruleTest.each([
    ['ONESHOT', EV_ONESHOT],
    ['DISPATCH', EV_DISPATCH],
    ['CLEAR', EV_CLEAR],
  ])('D9 adding again with %s does not change the flag', (_, flag) => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD });
    chg(q, { ...read(r), flags: EV_ADD | flag });
    libc.write(w, 1);
    for (let i = 0; i < 2; i++) {
      expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1 });
    }
  });

  ruleTest('D9 adding again without ONESHOT leaves it one-shot', () => {
    const q = kqueue();
    const [r, w] = pipe();
    const flags = EV_ADD | EV_ONESHOT;
    chg(q, { ...read(r), flags });
    chg(q, { ...read(r), flags: EV_ADD });
    libc.write(w, 1);
    expectEvents(poll(q), { ...read(r), flags, data: 1 });
    expectEvents(poll(q));
  });

  ruleTest(
    'D11 changing a CLEAR registration fires if its condition still holds',
    () => {
      const q = kqueue();
      const [a, b] = socketpair();
      chg(q, { ...read(a), flags: EDGE });
      libc.write(b, 3);
      expectEvents(poll(q), { ...read(a), flags: EDGE, data: 3 });
      expectEvents(poll(q));
      for (const flags of [EV_ADD, EV_ENABLE, 0]) {
        chg(q, { ...read(a), flags });
        expectEvents(poll(q), { ...read(a), flags: EDGE, data: 3 });
        expectEvents(poll(q));
      }
    },
  );

  ruleTest('D13 a refused ADD leaves no registration', () => {
    const q = kqueue();
    const [r] = pipe();
    const wide = BigInt(r) + 2n ** 32n;
    expect(refusal(q, { ...read(wide), flags: EV_ADD })).toBe('EINVAL');
    expect(refusal(q, { ...read(wide), flags: EV_DELETE })).toBe('ENOENT');
    const flags = EV_ADD | EV_VANISHED;
    expect(refusal(q, { ...read(r), flags })).toBe('EINVAL');
    expect(refusal(q, { ...read(r), flags: EV_DELETE })).toBe('ENOENT');
  });

  ruleTest('D14 DELETE drops a pending event', () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD });
    libc.write(w, 1);
    chg(q, { ...read(r), flags: EV_DELETE });
    expectEvents(poll(q));
    chg(q, { ...read(r), flags: EV_ADD, udata: 1 });
    expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 1, udata: 1 });
  });

  ruleTest('D16 a deferred DELETE is EINPROGRESS, 36, in an entry', () => {
    const q = kqueue();
    const kind = EV_DISPATCH | EV_UDATA_SPECIFIC;
    const one = { ...user(1), udata: 1 };
    chg(q, { ...one, flags: EV_ADD | kind, fflags: NOTE_TRIGGER });
    expect(poll(q)).toHaveLength(1);
    const flags = EV_DELETE | EV_UDATA_SPECIFIC;
    expectEvents(change(q, [{ ...one, flags }], 1), {
      ...one,
      flags: flags | EV_ERROR,
      data: EINPROGRESS,
    });
  });

  ruleTest(
    'D16 delivery of a ONESHOT registration only marks it deleted',
    () => {
      const q = kqueue();
      const kind = EV_DISPATCH | EV_UDATA_SPECIFIC;
      const one = { ...user(1), udata: 1 };
      const flags = EV_ADD | EV_ONESHOT | kind;
      chg(q, { ...one, flags });
      const change = EV_UDATA_SPECIFIC;
      chg(q, { ...one, flags: change, fflags: NOTE_TRIGGER });
      expect(poll(q)).toHaveLength(1);
      const remove = { ...one, flags: EV_DELETE | EV_ENABLE | change };
      chg(q, remove);
      expectEvents(poll(q));
      expect(refusal(q, remove)).toBe('ENOENT');
    },
  );

  ruleTest(
    'D16 disabling holds back the last event of a deferred DELETE',
    () => {
      const q = kqueue();
      const kind = EV_DISPATCH | EV_UDATA_SPECIFIC;
      const one = { ...user(1), udata: 1 };
      const touch = (flags: number) => ({
        ...one,
        flags: flags | EV_UDATA_SPECIFIC,
      });
      chg(q, { ...one, flags: EV_ADD | kind, fflags: NOTE_TRIGGER });
      expect(poll(q)).toHaveLength(1);
      expect(refusal(q, touch(EV_DELETE))).toBe('EINPROGRESS');
      chg(q, touch(EV_ENABLE));
      chg(q, touch(EV_DISABLE));
      expectEvents(poll(q));
      chg(q, touch(EV_ENABLE));
      expectEvents(poll(q), { ...one, flags: EV_DELETE | EV_ONESHOT | kind });
      expect(refusal(q, touch(EV_ENABLE))).toBe('ENOENT');
    },
  );

  ruleTest('D18 closing a dup does not affect the original', async () => {
    const q = kqueue();
    const [r, w] = pipe();
    const copy = dup(r);
    chg(q, { ...read(r), flags: EV_ADD }, { ...read(copy), flags: EV_ADD });
    const acts = [
      { op: 'close', fd: 'copy' },
      { op: 'write', fd: 'w', bytes: 1 },
    ];
    const { result } = await meanwhile({ copy, w }, acts, () =>
      get(q, 8, SOON),
    );
    forget(copy);
    expectEvents(result, { ...read(r), flags: EV_ADD, data: 1 });
  });
});
