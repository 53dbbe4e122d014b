// Other code puts files at the numbers of queues and of their parts, by dup2(2)
// or by closing them. What is a queue still, works; nothing else is changed.
import { closeSync, openSync } from 'node:fs';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  type KeventInit,
  KeventList,
  kevent,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { entriesOf } from '../../src/linux/epoll.js';
import * as libc from '../conformance/libc.js';
import {
  adopt,
  adoptQueue,
  close,
  closeElsewhere,
  descriptors,
  dup,
  dup2,
  dupQueue,
  forget,
  isolate,
  kqueue,
  pipe,
  socketpair,
} from '../conformance/world.js';
import { onLinux, watch } from '../support/fds.js';

isolate();

const list = new KeventList(8);
const user = { ident: 1, filter: EVFILT_USER };
const ADD_USER = { ...user, flags: EV_ADD | EV_CLEAR };
const TRIGGER = { ...user, fflags: NOTE_TRIGGER };
const read = (ident: number): KeventInit => ({
  ident,
  filter: EVFILT_READ,
  flags: EV_ADD,
});
const change = (kq: number, ...changes: KeventInit[]): void => {
  kevent(kq, changes, null);
};
/** The idents of the events. */
function collect(kq: number, timeout = 0): number[] {
  kevent(kq, null, list, timeout);
  return [...list].map(({ ident }) => Number(ident));
}
const isReadable = (fd: number): boolean => libc.poll(fd) !== 0;

/** So many polls that the parts are checked. */
function check(kq: number): void {
  for (let i = 0; i < 70; i++) collect(kq);
}

/** A new queue, and the numbers of its inner epoll and its eventfd. */
function parts(): { kq: number; inner: number; eventfd: number } {
  const before = new Set(descriptors());
  const kq = kqueue();
  const made = (descriptors() ?? []).filter((line) => !before.has(line));
  const numberOf = (kind: string, except = -1): number => {
    const numbers = made
      .filter((line) => line.endsWith(`[${kind}]`))
      .map((line) => Number.parseInt(line, 10));
    return numbers.find((fd) => fd !== except) ?? -1;
  };
  return { kq, inner: numberOf('eventpoll', kq), eventfd: numberOf('eventfd') };
}

describe('more queues than there are marks', () => {
  onLinux('a number that is another queue by now is that queue', () => {
    const [first, ...others] = Array.from({ length: 50 }, kqueue);
    for (const other of others) {
      // Each in turn, so that one of them has the mark of the first.
      forget(first);
      dup2(other, first);
      adoptQueue(first);
      change(first, ADD_USER);
      change(other, TRIGGER);
      expect(collect(other)).toEqual([1]);
    }
  });

  onLinux('a child that is another queue by now is not reported', () => {
    const [parent, child, ...others] = Array.from({ length: 50 }, kqueue);
    change(child, ADD_USER);
    const copy = dupQueue(child);
    collect(copy);
    for (const other of others) {
      change(parent, read(child));
      forget(child);
      dup2(other, child);
      adoptQueue(child);
      change(copy, TRIGGER);
      expect(collect(parent)).toEqual([]);
      expect(collect(copy)).toEqual([1]);
      forget(child);
      dup2(copy, child);
      adoptQueue(child);
      expect(collect(child)).toEqual([]);
    }
  });
});

describe('an epoll at the number of a queue that no call names', () => {
  /** The queue watches another; then an epoll of other code has its number. */
  function lostParent() {
    const { kq: parent, eventfd } = parts();
    const { kq: child, inner } = parts();
    change(child, ADD_USER);
    change(parent, read(child));
    const [r] = pipe();
    dup2(r, eventfd);
    const ep = adopt(watch(eventfd));
    forget(parent);
    dup2(ep, parent);
    return { child, inner, ep, before: entriesOf(ep) };
  }

  onLinux('is not changed by an event of a child', () => {
    const { child, ep, before } = lostParent();
    change(child, TRIGGER);
    expect(entriesOf(ep)).toEqual(before);
    expect(collect(child)).toEqual([1]);
  });

  onLinux('gets no second epoll of a child', () => {
    const { child, ep, before } = lostParent();
    const [a] = socketpair();
    change(child, read(a), { ...read(a), filter: EVFILT_WRITE });
    expect(entriesOf(ep)).toEqual(before);
    expect(collect(child)).toEqual([a]);
  });

  onLinux('gets no epoll of a grandchild', () => {
    const { child, ep, before } = lostParent();
    const grandchild = kqueue();
    change(grandchild, ADD_USER);
    change(child, read(grandchild));
    expect(entriesOf(ep)).toEqual(before);
    change(grandchild, TRIGGER);
    expect(collect(child)).toEqual([grandchild]);
  });

  onLinux('gets no new epoll of a child', () => {
    const { child, inner, ep, before } = lostParent();
    closeElsewhere(inner);
    check(child);
    expect(entriesOf(ep)).toEqual(before);
  });
});

onLinux('a queue keeps its events if its parent is a dup of it by now', () => {
  const [parent, child] = [kqueue(), kqueue()];
  const [r, w] = pipe();
  change(child, read(r));
  change(parent, read(child));
  const copy = dupQueue(child);
  collect(copy);
  forget(parent);
  dup2(child, parent);
  adoptQueue(parent);
  close(child);
  libc.write(w, 1);
  expect(collect(copy)).toEqual([r]);
});

onLinux('a parent continues if its child is a dup of it by now', () => {
  const [parent, child] = [kqueue(), kqueue()];
  const [r, w] = pipe();
  change(child, read(r));
  change(parent, read(child), ADD_USER);
  forget(child);
  dup2(parent, child);
  adoptQueue(child);
  libc.write(w, 1);
  expect(collect(parent)).toEqual([]);
  change(parent, TRIGGER);
  expect(collect(parent)).toEqual([1]);
});

onLinux(
  'a parent sees the events of a child that lost its first number',
  () => {
    const [parent, child] = [kqueue(), kqueue()];
    const [r, w] = pipe();
    change(child, read(r));
    const copy = dupQueue(child);
    change(parent, read(copy));
    expect([collect(copy), collect(child)]).toEqual([[], []]);
    closeElsewhere(child);
    libc.write(w, 1);
    expect(collect(parent)).toEqual([copy]);
    expect(collect(copy)).toEqual([r]);
  },
);

for (const kind of ['a pipe', 'two pipes', 'a user event']) {
  onLinux(`a dup is the queue that is closed without eventfd: ${kind}`, () => {
    const { kq, eventfd } = parts();
    const pipes = { 'a pipe': 1, 'two pipes': 2 }[kind] ?? 0;
    const ready = Array.from({ length: pipes }, () => {
      const [r, w] = pipe();
      libc.write(w, 1);
      return r;
    });
    change(kq, ...ready.map(read));
    const fds = pipes > 0 ? ready : [1];
    if (pipes === 0) change(kq, { ...TRIGGER, flags: EV_ADD });
    expect([collect(kq), collect(kq)]).toEqual([fds, fds]);
    closeElsewhere(eventfd);
    const copy = dupQueue(kq);
    close(kq);
    expect(collect(copy)).toEqual(fds);
  });
}

// With the others, marks are shared.
for (const others of [0, 45]) {
  onLinux(`both numbers of a queue prove it beside ${others} others`, () => {
    for (let i = 0; i < others; i++) kqueue();
    const { kq, inner, eventfd } = parts();
    const copy = dupQueue(kq);
    for (const fd of [copy, kq, copy]) change(fd, ADD_USER);
    for (const fd of [inner, eventfd]) closeElsewhere(fd);
    change(kq, TRIGGER);
    expect(collect(copy)).toEqual([1]);
    change(copy, TRIGGER);
    expect(collect(kq)).toEqual([1]);
  });
}

onLinux('an entry of a closed descriptor does not end a queue', () => {
  const { kq, inner, eventfd } = parts();
  const [r, w] = pipe();
  dup(r);
  change(kq, read(r), ADD_USER);
  closeElsewhere(r);
  libc.write(w, 1);
  expect(collect(kq)).toEqual([]);
  for (const fd of [inner, eventfd]) closeElsewhere(fd);
  change(kq, TRIGGER);
  expect(collect(kq)).toEqual([1]);
});

onLinux('an inner epoll with such an entry is closed with the queue', () => {
  const parent = kqueue();
  const before = new Set(descriptors());
  const { kq, eventfd } = parts();
  change(parent, read(kq));
  const [r, w] = pipe();
  const copy = dup(r);
  change(kq, read(r));
  closeElsewhere(r);
  libc.write(w, 1);
  expect(collect(kq)).toEqual([]);
  const remove = { ident: r, filter: EVFILT_READ, flags: EV_DELETE };
  expect(() => change(kq, remove)).toThrow('ENOENT');
  closeElsewhere(kq);
  closeElsewhere(eventfd);
  close(parent);
  // Each checks two queues that other code may have closed.
  for (let i = 0; i < 8; i++) close(kqueue());
  for (const fd of [copy, w]) closeElsewhere(fd);
  expect((descriptors() ?? []).filter((line) => !before.has(line))).toEqual([]);
});

onLinux('a timer is no entry of the queue at the number of its part', () => {
  const before = new Set(descriptors());
  const { kq, inner } = parts();
  const copy = dup(inner);
  dup2(kq, inner);
  const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 5 };
  change(kq, timer);
  expect(collect(kq, 5000)).toEqual([1]);
  check(kq);
  // The number of the inner epoll is one of the queue.
  for (const fd of [kq, inner]) close(fd);
  closeElsewhere(copy);
  expect((descriptors() ?? []).filter((line) => !before.has(line))).toEqual([]);
});

onLinux(
  'changes of descriptors notice that the eventfd is another file',
  () => {
    const { kq, eventfd } = parts();
    change(kq, { ...TRIGGER, flags: EV_ADD });
    expect([collect(kq), collect(kq)]).toEqual([[1], [1]]);
    const [r] = pipe();
    dup2(r, eventfd);
    change(kq, read(pipe()[0]));
    expect(isReadable(kq)).toBe(true);
  },
);

onLinux('a queue with two events is readable again without its eventfd', () => {
  const { kq, eventfd } = parts();
  const fds = [pipe(), pipe()].map(([r, w]) => {
    libc.write(w, 1);
    return r;
  });
  change(kq, ...fds.map(read));
  expect([collect(kq), collect(kq)]).toEqual([fds, fds]);
  closeElsewhere(eventfd);
  expect(collect(kq)).toEqual(fds);
  expect(isReadable(kq)).toBe(true);
});

onLinux('the inner epoll of another queue is not its own', () => {
  const before = new Set(descriptors());
  const made = [0, 1].map(() => {
    const { kq, inner } = parts();
    const [r, w] = pipe();
    const timer = { ident: 1, filter: EVFILT_TIMER, data: 3_600_000 };
    change(kq, read(r), { ...timer, flags: EV_ADD });
    return { kq, inner, r, w };
  });
  const [first, second] = made;
  dup2(second.inner, first.inner);
  for (const { w } of made) libc.write(w, 1);
  for (const { kq, r } of made) {
    check(kq);
    expect(collect(kq)).toEqual([r]);
    expect(collect(kq)).toEqual([r]);
  }
  for (const { kq } of made) close(kq);
  closeElsewhere(first.inner);
  for (const { r, w } of made) for (const fd of [r, w]) closeElsewhere(fd);
  expect((descriptors() ?? []).filter((line) => !before.has(line))).toEqual([]);
});

onLinux('the second epoll of another queue is not its own', () => {
  const made = [0, 1].map(() => {
    const kq = kqueue();
    const before = new Set(descriptors());
    const [a, b] = socketpair();
    libc.fill(a);
    change(kq, read(a), { ...read(a), filter: EVFILT_WRITE });
    const side = (descriptors() ?? []).find(
      (line) => !before.has(line) && line.endsWith('[eventpoll]'),
    );
    return { kq, a, b, side: Number.parseInt(side ?? '-1', 10) };
  });
  const [first, second] = made;
  dup2(second.side, first.side);
  for (const { b } of made) libc.drain(b);
  for (const { kq, a } of made) {
    check(kq);
    expect(collect(kq)).toEqual([a]);
    expect(collect(kq)).toEqual([a]);
  }
});

for (const isLost of [false, true]) {
  onLinux(
    `files at two numbers of a queue that is ${isLost ? 'lost' : 'closed'} stay open`,
    () => {
      const { kq, inner, eventfd } = parts();
      const file = openSync('/dev/null', 'r');
      for (const fd of [inner, eventfd]) dup2(file, fd);
      if (isLost) {
        closeElsewhere(kq);
        expect(() => change(kq, ADD_USER)).toThrow('EBADF');
      } else close(kq);
      closeSync(file);
      const open = (descriptors() ?? []).map((line) =>
        Number.parseInt(line, 10),
      );
      expect(open).toEqual(expect.arrayContaining([inner, eventfd]));
    },
  );
}

onLinux('an epoll of other code gets no eventfd of a queue', () => {
  const { kq, inner, eventfd } = parts();
  const timer = { ident: 1, filter: EVFILT_TIMER, data: 3_600_000 };
  change(kq, { ...timer, flags: EV_ADD });
  const [r] = pipe();
  dup2(adopt(watch(r)), inner);
  const before = entriesOf(inner);
  closeElsewhere(eventfd);
  check(kq);
  expect(entriesOf(inner)).toEqual(before);
});

onLinux('a queue that is made at the number of a part works', () => {
  const { kq, inner } = parts();
  const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD };
  change(kq, { ...timer, data: 3_600_000 });
  closeElsewhere(inner);
  const other = kqueue();
  expect(other).toBe(inner);
  const [r, w] = pipe();
  change(other, read(r));
  libc.write(w, 1);
  change(kq, { ...timer, ident: 2, data: 1 });
  expect(collect(kq, 5000)).toEqual([2]);
  check(kq);
  expect(collect(other)).toEqual([r]);
});

for (const nth of [0, 1]) {
  onLinux(`an epoll of other code gets no descriptor: epoll ${nth + 1}`, () => {
    const { kq, inner } = parts();
    const before = new Set(descriptors());
    const both = (ident: number): KeventInit[] => [
      read(ident),
      { ...read(ident), filter: EVFILT_WRITE },
    ];
    const [a] = socketpair();
    change(kq, ...both(a));
    const side = (descriptors() ?? []).find(
      (line) => !before.has(line) && line.endsWith('[eventpoll]'),
    );
    const part = [inner, Number.parseInt(side ?? '-1', 10)][nth];
    const [r] = pipe();
    dup2(adopt(watch(r)), part);
    const entries = entriesOf(part);
    const [other, end] = socketpair();
    change(kq, ...both(other));
    expect(entriesOf(part)).toEqual(entries);
    libc.write(end, 1);
    expect(collect(kq).filter((ident) => ident === other)).toHaveLength(2);
  });
}
