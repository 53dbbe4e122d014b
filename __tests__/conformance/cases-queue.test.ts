import { execFileSync } from 'node:child_process';
import { fstatSync } from 'node:fs';
import koffi from 'koffi';
import { openLimit } from '../support/fds.js';
import {
  caseTest,
  chg,
  close,
  codeOf,
  descriptors,
  dupQueue,
  EV_ADD,
  EV_CLEAR,
  EVFILT_TIMER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  expectEvents,
  file,
  gate,
  isolate,
  isReadable,
  kqueue,
  libc,
  NOTE_TRIGGER,
  NOTE_WRITE,
  pipe,
  poll,
  read,
  refusal,
  unplayableCase,
  user,
} from './prelude.js';

isolate();

caseTest('Q01', 'poll(2) reports whether an event is pending', () => {
  const q = kqueue();
  chg(q, { ...user(1), flags: EV_ADD | EV_CLEAR });
  expect(isReadable(q)).toBe(false);
  chg(q, { ...user(1), fflags: NOTE_TRIGGER });
  expect(isReadable(q)).toBe(true);
  expect(isReadable(q)).toBe(true);
  expectEvents(poll(q), { ...user(1), flags: EV_ADD | EV_CLEAR });
  expect(isReadable(q)).toBe(false);
});

caseTest(
  'Q02',
  'poll(2) reports a consumed level event until the next call',
  () => {
    const q = kqueue();
    const [r, w] = pipe();
    chg(q, { ...read(r), flags: EV_ADD });
    libc.write(w, 2);
    expectEvents(poll(q), { ...read(r), flags: EV_ADD, data: 2 });
    libc.read(r, 2);
    expect(isReadable(q)).toBe(true);
    expectEvents(poll(q));
    expect(isReadable(q)).toBe(false);
  },
);

caseTest('Q04', 'a CLEAR parent fires when its child stops being empty', () => {
  const q = kqueue();
  const k = kqueue();
  const flags = EV_ADD | EV_CLEAR;
  chg(q, { ...read(k), flags });
  chg(k, { ...user(1), flags }, { ...user(2), flags });
  chg(k, { ...user(1), fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...read(k), flags, data: 1 });
  chg(k, { ...user(2), fflags: NOTE_TRIGGER });
  expectEvents(poll(q));
  expectEvents(poll(k), { ...user(1), flags }, { ...user(2), flags });
  chg(k, { ...user(1), fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...read(k), flags, data: 1 });
});

caseTest(
  'Q05',
  'a queue can be watched with READ only, and not by itself',
  () => {
    const q = kqueue();
    const k = kqueue();
    expect(refusal(q, { ...read(q), flags: EV_ADD })).toBe('EINVAL');
    for (const filter of [EVFILT_WRITE, EVFILT_VNODE]) {
      const add = { ident: k, filter, flags: EV_ADD, fflags: NOTE_WRITE };
      expect(refusal(q, add)).toBe('EINVAL');
    }
  },
);

caseTest('Q07', 'queues watch queues ten deep, and no deeper', () => {
  const queues = Array.from({ length: 11 }, kqueue);
  const watch = (i: number) =>
    refusal(queues[i], { ...read(queues[i - 1]), flags: EV_ADD });
  for (let i = 1; i < 10; i++) expect(watch(i)).toBe('none');
  expect(watch(10)).toBe('EINVAL');
});

unplayableCase('Q08', 'close wakes a call that is blocked in the queue');

caseTest('Q10', 'a dup of a queue is the same queue', () => {
  const q = kqueue();
  const copy = dupQueue(q);
  const flags = EV_ADD | EV_CLEAR;
  chg(q, { ...user(1), flags });
  chg(copy, { ...user(1), fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...user(1), flags });
  close(copy);
  chg(q, { ...user(1), fflags: NOTE_TRIGGER });
  expectEvents(poll(q), { ...user(1), flags });
});

const readingFails = (errno: string) => () => {
  const failure = expect.objectContaining({ code: errno });
  expect(() => libc.readNow(kqueue(), 8)).toThrow(failure);
};
caseTest('Q11', 'reading from a queue is ENXIO', readingFails('ENXIO'), {
  linux: readingFails('EINVAL'),
});

/** fstat(2) of a queue with one pending event. */
const statOfQueue = () => {
  const q = kqueue();
  chg(q, { ...user(1), flags: EV_ADD, fflags: NOTE_TRIGGER });
  const stat = fstatSync(q);
  return { isFifo: stat.isFIFO(), size: stat.size };
};
caseTest(
  'Q12',
  'fstat of a queue counts its pending events',
  () => expect(statOfQueue()).toEqual({ isFifo: true, size: 1 }),
  { linux: () => expect(statOfQueue()).toEqual({ isFifo: false, size: 0 }) },
);

caseTest('Q13', "the host's event loop can watch a queue", async () => {
  const q = kqueue();
  const flags = EV_ADD | EV_CLEAR;
  chg(q, { ...user(1), flags });
  const readable = new Promise<void>((resolve) => {
    const handle = koffi.node.poll(q, { readable: true }, () => {
      handle.close();
      resolve();
    });
  });
  setTimeout(() => chg(q, { ...user(1), fflags: NOTE_TRIGGER }), 5);
  await readable;
  expectEvents(poll(q), { ...user(1), flags });
});

caseTest('Q14', 'closing a queue leaves no descriptor behind', () => {
  const [r, w] = pipe();
  const { fd } = file(4);
  const before = descriptors();
  const q = kqueue();
  const k = kqueue();
  chg(
    q,
    { ...read(r), flags: EV_ADD },
    { ident: w, filter: EVFILT_WRITE, flags: EV_ADD | EV_CLEAR },
    { ...read(fd), flags: EV_ADD },
    { ...read(k), flags: EV_ADD },
    { ...user(1), flags: EV_ADD, fflags: NOTE_TRIGGER },
    { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 5 },
    { ident: 2, filter: EVFILT_TIMER, flags: EV_ADD, data: 5000 },
  );
  expect(poll(q).length).toBeGreaterThan(0);
  close(q);
  close(k);
  expect(descriptors()).toEqual(before);
  expect(codeOf(() => poll(q))).toBe('EBADF');
});

gate(process.platform === 'linux', 'only Linux lists what a child has')(
  'B1 a child inherits no descriptor of a queue',
  () => {
    const q = kqueue();
    const k = kqueue();
    const [r] = pipe();
    const { fd } = file(1);
    chg(
      q,
      { ...read(r), flags: EV_ADD },
      { ...read(fd), flags: EV_ADD },
      { ...read(k), flags: EV_ADD },
      { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 5 },
    );
    const inherited = execFileSync('ls', ['-l', '/proc/self/fd']);
    expect(inherited.toString()).not.toMatch(/eventpoll|anon_inode|inotify/);
  },
);

describe('When no descriptor is left', () => {
  const LIMIT = 100_000;
  const limited = gate(openLimit() <= LIMIT, 'a Mac may have no limit');

  /** Open descriptors until none are left. */
  const exhaust = (open: number): number[] => {
    const all: number[] = [];
    try {
      while (all.length < LIMIT) all.push(libc.dup(open));
    } catch (error) {
      if (!(error instanceof libc.LibcError)) throw error;
    }
    return all;
  };
  const closeAll = (all: readonly number[]): void => all.forEach(libc.close);

  limited('B14 kqueue() fails with EMFILE and leaks nothing', () => {
    const [r] = pipe();
    const all = exhaust(r);
    try {
      const LEFT = 6;
      for (let left = 0; left < LEFT; left++) {
        const code = codeOf(() => close(kqueue()));
        expect(code === 'EMFILE' || code === 'none').toBe(true);
        if (left === 0) expect(code).toBe('EMFILE');
        const free = exhaust(r);
        expect(free).toHaveLength(left);
        closeAll(free);
        closeAll(all.splice(-1));
      }
      close(kqueue());
    } finally {
      closeAll(all);
    }
  });

  limited('B14 a refused registration leaves the queue usable', () => {
    const q = kqueue();
    const [r, w] = pipe();
    const { fd } = file(1);
    const timer = { ident: 1, filter: EVFILT_TIMER, data: 0 };
    const changes = [
      { ...timer, flags: EV_ADD },
      { ...read(fd), flags: EV_ADD },
      { ...read(r), flags: EV_ADD },
    ];
    const all = exhaust(r);
    try {
      for (const change of changes) {
        expect(refusal(q, change)).toMatch(/^(none|EMFILE|ENFILE|ENOMEM)$/);
      }
    } finally {
      closeAll(all);
    }
    chg(q, ...changes);
    libc.write(w, 1);
    expect(poll(q)).toHaveLength(3);
  });
});
