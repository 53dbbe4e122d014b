// A queue has its descriptors in its own epoll until it has to watch more. Then
// they move, which loses no event, repeats none and changes no order.
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_EOF,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type KeventInit,
  KeventList,
  Kqueue,
  kevent,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import * as libc from '../conformance/libc.js';
import {
  adopt,
  close,
  closeElsewhere,
  dup,
  isolate,
  kqueue,
  pipe,
  socketpair,
} from '../conformance/world.js';
import { faultyLibc } from '../faults/faulty-libc.js';
import { isReported, onLinux, watch } from '../support/fds.js';

isolate();

const list = new KeventList(16);
const read = (ident: number, flags = EV_ADD): KeventInit => ({
  ident,
  filter: EVFILT_READ,
  flags,
});
const change = (kq: number, ...changes: KeventInit[]): void => {
  kevent(kq, changes, null);
};

/** The descriptors that are reported as readable, in their order. */
function readable(kq: number): number[] {
  kevent(kq, null, list, 0);
  return [...list]
    .filter(({ filter }) => filter === EVFILT_READ)
    .map(({ ident }) => Number(ident));
}

const isReadable = (fd: number): boolean => libc.poll(fd) !== 0;

/** Sources that a queue cannot watch with its own epoll alone. */
const more: Readonly<Record<string, (kq: number, fd: number) => void>> = {
  'the other direction': (kq, fd) => {
    change(kq, { ident: fd, filter: EVFILT_WRITE, flags: EV_ADD });
  },
  'a timer': (kq) => {
    const data = 3_600_000;
    change(kq, { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data });
  },
  'another queue': (kq) => change(kq, read(kqueue())),
  'nothing, and is watched': (kq) => change(kqueue(), read(kq)),
};

for (const [what, watchMore] of Object.entries(more)) {
  describe(`a queue that starts to watch ${what}`, () => {
    onLinux('does not report collected events again', () => {
      const kq = kqueue();
      const [a, b] = socketpair();
      change(kq, read(a, EV_ADD | EV_CLEAR));
      libc.write(b, 1);
      expect(readable(kq)).toEqual([a]);
      watchMore(kq, a);
      expect(readable(kq)).toEqual([]);
      libc.write(b, 1);
      expect(readable(kq)).toEqual([a]);
    });

    onLinux('reports uncollected events in order', () => {
      const kq = kqueue();
      const pairs = Array.from({ length: 40 }, () => socketpair());
      change(kq, ...pairs.map(([a]) => read(a, EV_ADD | EV_CLEAR)));
      const some = [38, 3, 17].map((i) => pairs[i]);
      for (const [, b] of some) libc.write(b, 1);
      watchMore(kq, pairs[5][0]);
      const idents = some.map(([a]) => a);
      expect(readable(kq)).toEqual(idents);
      for (const [, b] of some.reverse()) libc.write(b, 1);
      expect(readable(kq)).toEqual(idents.reverse());
    });
  });
}

onLinux('a level-triggered event keeps its queue readable', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  change(kq, read(r));
  // At first it stays in epoll; an event that stays goes back to the queue.
  for (let round = 0; round < 5; round++) {
    libc.write(w, 1);
    for (let i = 0; i <= round; i++) {
      expect(isReadable(kq)).toBe(true);
      expect(readable(kq)).toEqual([r]);
    }
    expect(isReadable(kq)).toBe(true);
    libc.read(r, 1);
    expect(readable(kq)).toEqual([]);
    expect(isReadable(kq)).toBe(false);
  }
});

onLinux('a collected level-triggered event comes before new events', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD | EV_CLEAR };
  const [other, end] = pipe();
  change(kq, read(r), read(other), user);
  libc.write(w, 1);
  expect(readable(kq)).toEqual([r]);
  libc.write(end, 1);
  change(kq, { ...user, flags: 0, fflags: NOTE_TRIGGER });
  kevent(kq, null, list, 0);
  expect([...list].map(({ ident }) => ident)).toEqual([r, other, 1]);
  change(kq, read(r, EV_DELETE));
  expect(readable(kq)).toEqual([other]);
});

onLinux('a change does not put its event before earlier events', () => {
  const kq = kqueue();
  const pipes = Array.from({ length: 3 }, () => pipe());
  const [[a, endA], [b, endB], [c, endC]] = pipes;
  change(kq, read(a), read(b), read(c, EV_ADD | EV_DISABLE));
  libc.write(endC, 1);
  libc.write(endA, 1);
  libc.write(endB, 1);
  change(kq, read(b), read(c, EV_ENABLE));
  expect(readable(kq)).toEqual([a, b, c]);
});

onLinux(
  'a timer that is due when it is added comes after earlier events',
  () => {
    const kq = kqueue();
    const [r, w] = pipe();
    const timer = { filter: EVFILT_TIMER, flags: EV_ADD };
    change(kq, read(r), { ...timer, ident: 1, data: 3_600_000 });
    libc.write(w, 1);
    change(kq, { ...timer, ident: 2, data: 0 });
    kevent(kq, null, list, 0);
    expect([...list].map(({ ident }) => ident)).toEqual([r, 2]);
  },
);

onLinux('a call with a change reports a timer that was due before it', () => {
  const kq = kqueue();
  const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD | EV_CLEAR };
  const data = 1;
  change(kq, user, { ident: 2, filter: EVFILT_TIMER, flags: EV_ADD, data });
  expect(isReported(adopt(watch(kq)), 5000)).toBe(true);
  kevent(kq, [{ ...user, flags: 0, fflags: NOTE_TRIGGER }], list, 0);
  expect([...list].map(({ ident }) => ident)).toEqual([2, 1]);
});

onLinux('enabling a registration without an event makes none pending', () => {
  const [kq, parent] = [kqueue(), kqueue()];
  const [r] = pipe();
  change(kq, read(r, EV_ADD | EV_DISABLE));
  change(parent, read(kq));
  change(kq, read(r, EV_ENABLE));
  expect(isReadable(kq)).toBe(false);
  expect(readable(parent)).toEqual([]);
});

onLinux('events of duplicates are not repeated with those of others', () => {
  const kq = kqueue();
  const [a, toA] = socketpair();
  const [b, toB] = socketpair();
  const copies = [a, dup(a)];
  const flags = EV_ADD | EV_CLEAR;
  change(kq, ...[...copies, b].map((fd) => read(fd, flags)));
  libc.write(toA, 1);
  expect(readable(kq)).toEqual([...copies].reverse());
  libc.write(toB, 1);
  expect(readable(kq)).toEqual([b]);
});

onLinux('duplicates of a pipe that were read report its EOF', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  const copies = [r, dup(r)];
  change(kq, ...copies.map((fd) => read(fd)));
  libc.write(w, 1);
  expect(readable(kq)).toHaveLength(2);
  libc.read(r, 1);
  expect(readable(kq)).toEqual([]);
  close(w);
  expect(readable(kq).sort()).toEqual(copies);
  for (let i = 0; i < 2; i++) expect(list.flags(i) & EV_EOF).toBe(EV_EOF);
});

onLinux('level-triggered pipe and user events alternate', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD };
  change(kq, read(r), user);
  libc.write(w, 1);
  expect(readable(kq)).toEqual([r]);
  libc.read(r, 1);
  expect(readable(kq)).toEqual([]);
  libc.write(w, 1);
  change(kq, { ...user, flags: 0, fflags: NOTE_TRIGGER });
  for (let round = 0; round < 3; round++) {
    kevent(kq, null, list, 0);
    expect([...list].map(({ ident }) => ident)).toEqual([r, 1]);
  }
  for (const ident of [r, 1, r, 1]) {
    const one = new KeventList(1);
    kevent(kq, null, one, 0);
    expect(one.ident(0)).toBe(ident);
  }
});

onLinux(
  'reports more ready descriptors than epoll_wait returns at once',
  () => {
    const kq = kqueue();
    const [r, w] = pipe();
    const all = [r, ...Array.from({ length: 519 }, () => dup(r))];
    change(kq, ...all.map((fd) => read(fd)));
    libc.write(w, 1);
    const events = new KeventList(all.length + 1);
    for (let round = 0; round < 3; round++) {
      expect(kevent(kq, null, events, 0)).toBe(all.length);
    }
    libc.read(r, 1);
    expect(kevent(kq, null, events, 0)).toBe(0);
    expect(isReadable(kq)).toBe(false);
  },
);

onLinux('a readable pipe makes its queue readable when it is added', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  libc.write(w, 1);
  change(kq, read(r));
  expect(isReadable(kq)).toBe(true);
  change(kq, read(r, EV_DELETE));
  expect(isReadable(kq)).toBe(false);
  change(kq, read(r, EV_ADD | EV_DISABLE));
  expect(isReadable(kq)).toBe(false);
  change(kq, read(r, EV_ENABLE));
  expect(isReadable(kq)).toBe(true);
  expect(readable(kq)).toEqual([r]);
});

onLinux('closing a ready descriptor makes its queue unreadable', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  change(kq, read(r));
  libc.write(w, 1);
  for (let i = 0; i < 5; i++) expect(readable(kq)).toEqual([r]);
  expect(isReadable(kq)).toBe(true);
  close(r);
  expect(isReadable(kq)).toBe(false);
});

onLinux('a new waker leaves pending events visible to the event loop', () => {
  using kq = new Kqueue();
  const [fd, w] = pipe();
  kq.add({ filter: 'read', fd });
  libc.write(w, 1);
  kq.waker();
  expect(isReadable(kq.fd)).toBe(true);
  expect(kq.poll()).toMatchObject([{ filter: 'read', fd }]);
});

onLinux('reading a pipe with EV_CLEAR makes no event pending', () => {
  const [kq, parent] = [kqueue(), kqueue()];
  const [r, w] = pipe();
  change(kq, read(r, EV_ADD | EV_CLEAR));
  change(parent, read(kq));
  libc.write(w, 1);
  expect(readable(kq)).toEqual([r]);
  libc.read(r, 1);
  expect(readable(parent)).toEqual([]);
});

onLinux('a change posts what came before it, also in the second epoll', () => {
  const kq = kqueue();
  const [a, b] = socketpair();
  libc.fill(a);
  change(kq, read(a), { ident: a, filter: EVFILT_WRITE, flags: EV_ADD });
  const [[first, toFirst], [last, toLast]] = [pipe(), pipe()];
  const timer = { ident: 1, filter: EVFILT_TIMER, data: 3_600_000 };
  change(kq, read(first), read(last), { ...timer, flags: EV_ADD });
  expect(kevent(kq, null, list, 0)).toBe(0);
  libc.write(toFirst, 1);
  libc.drain(b);
  change(kq, { ...timer, flags: EV_DELETE });
  libc.write(toLast, 1);
  kevent(kq, null, list, 0);
  expect([...list].map(({ ident }) => ident)).toEqual([first, a, last]);
});

onLinux('readable duplicates are reported in the order of their adding', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  const copies = [r, dup(r), dup(r)];
  libc.write(w, 1);
  for (const fd of copies) change(kq, read(fd));
  expect(readable(kq)).toEqual(copies);
});

onLinux('a pipe that cannot be read any more is reported when added', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  const [, end] = pipe();
  close(w);
  change(kq, read(r));
  change(kq, read(end));
  expect(readable(kq)).toEqual([r]);
  expect(list.flags(0) & EV_EOF).toBe(EV_EOF);
});

onLinux('a second descriptor of a pipe comes after the ready one', () => {
  const kq = kqueue();
  const [r, w] = pipe();
  const copy = dup(r);
  change(kq, read(r));
  libc.write(w, 1);
  change(kq, read(copy));
  expect(readable(kq)).toEqual([r, copy]);
});

onLinux(
  'loses no edge if another epoll takes the descriptor of its own',
  () => {
    const kq = kqueue();
    const [r, w] = pipe();
    const [mine] = pipe();
    change(kq, read(mine));
    const theirs = adopt(watch(r, { edge: true }));
    libc.write(w, 1);
    libc.dup2(theirs, kq);
    expect(() => readable(kq)).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    );
    expect(isReported(theirs)).toBe(true);
  },
);

onLinux('more events than epoll returns at once are not repeated', () => {
  const kq = kqueue();
  const pairs = Array.from({ length: 260 }, () => socketpair());
  const all = pairs.flat();
  change(kq, ...all.map((fd) => read(fd, EV_ADD | EV_CLEAR)));
  for (const fd of all) libc.write(fd, 1);
  const events = new KeventList(all.length + 1);
  expect(kevent(kq, null, events, 0)).toBe(all.length);
  const timer = { ident: 1, filter: EVFILT_TIMER, data: 3_600_000 };
  change(kq, { ...timer, flags: EV_ADD });
  expect(kevent(kq, null, events, 0)).toBe(0);
  for (const fd of all) libc.write(fd, 1);
  expect(kevent(kq, null, events, 0)).toBe(all.length);
});

for (const state of ['closed', 'another file']) {
  onLinux(`a queue can watch more after a descriptor is ${state}`, () => {
    const kq = kqueue();
    const [gone] = pipe();
    const [r, w] = pipe();
    const [other, into] = pipe();
    change(kq, read(gone), read(r));
    if (state === 'closed') closeElsewhere(gone);
    else libc.dup2(other, gone);
    change(kq, { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 1 });
    libc.write(into, 1);
    expect(kevent(kq, null, list, 5000)).toBe(1);
    expect(list.ident(0)).toBe(1);
    libc.write(w, 1);
    expect(readable(kq)).toEqual([r]);
  });
}

onLinux('a queue that cannot move its descriptors moves them later', () => {
  const recorded = faultyLibc(bindLibc());
  const kernel = createLinuxKernel(recorded.libc);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const timer = { ident: 1, filter: EVFILT_TIMER, data: 3_600_000 };
  let failures = 0;
  // One of these calls moves the last descriptor.
  for (let nth = 0; nth < 16; nth++) {
    const kq = kqueue();
    const pairs = Array.from({ length: 3 }, () => socketpair());
    kevent(
      kq,
      pairs.map(([a]) => read(a, EV_ADD | EV_CLEAR)),
      null,
    );
    const add = () => kevent(kq, [{ ...timer, flags: EV_ADD }], null);
    recorded.arm({
      call: 'epollCtl.add',
      nth,
      errno: 'ENOSPC',
      forEver: false,
    });
    try {
      add();
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
      failures++;
    }
    recorded.disarm();
    add();
    for (const [a, b] of pairs) {
      libc.write(b, 1);
      expect(kevent(kq, null, list, 0)).toBe(1);
      expect(list.ident(0)).toBe(a);
    }
    close(kq);
  }
  expect(failures).toBeGreaterThanOrEqual(3);
});

onLinux('descriptor 0 can be watched as any other', () => {
  const kq = kqueue();
  const saved = dup(0);
  const [r, w] = pipe();
  libc.dup2(r, 0);
  try {
    change(kq, read(0));
    libc.write(w, 1);
    expect(readable(kq)).toEqual([0]);
  } finally {
    libc.dup2(saved, 0);
  }
});
