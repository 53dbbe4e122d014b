// Queues that watch queues: spec B8 as corrected. Darwin searches no cycle, it
// compares levels.
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc } from '../../src/ffi/libc.js';
import {
  close,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_USER,
  EVFILT_WRITE,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import * as libc from '../conformance/libc.js';
import {
  closeElsewhere,
  file,
  isolate,
  pipe,
  socketpair,
} from '../conformance/world.js';
import { faultyLibc } from '../faults/faulty-libc.js';
import { onLinux } from '../support/fds.js';

isolate();

const made: number[] = [];
const queues = (count: number): number[] => {
  const all = Array.from({ length: count }, kqueue);
  made.push(...all);
  return all;
};
afterEach(() => {
  for (const kq of made.splice(0)) close(kq);
});

const watch = (parent: number, child: number, flags = EV_ADD): void => {
  kevent(parent, [{ ident: child, filter: EVFILT_READ, flags }], null);
};
const EINVAL = expect.objectContaining({ code: 'EINVAL' });

onLinux('a queue of a lower level cannot watch one of a higher', () => {
  const [a, b, p, q] = queues(4);
  watch(a, b);
  watch(p, q);
  expect(() => watch(b, p)).toThrow(EINVAL);
});

onLinux('deleting a registration does not lower a level', () => {
  const [s, t] = queues(2);
  watch(s, t);
  watch(s, t, EV_DELETE);
  expect(() => watch(t, s)).toThrow(EINVAL);
});

onLinux('a chain from the top has no limit, one from the bottom has 10', () => {
  const down = queues(12);
  for (let i = 0; i + 1 < down.length; i++) watch(down[i], down[i + 1]);
  const up = queues(12);
  let depth = 0;
  const build = (): void => {
    for (; depth + 1 < up.length; depth++) watch(up[depth + 1], up[depth]);
  };
  expect(build).toThrow(EINVAL);
  expect(depth).toBe(9);
});

onLinux('an event at the bottom of a chain from the top wakes the top', () => {
  const chain = queues(12);
  for (let i = 0; i + 1 < chain.length; i++) watch(chain[i], chain[i + 1]);
  const user = { ident: 1, filter: EVFILT_USER };
  kevent(chain[11], [{ ...user, flags: EV_ADD }], null);
  kevent(chain[11], [{ ...user, fflags: NOTE_TRIGGER }], null);
  const events = new KeventList(4);
  expect(kevent(chain[0], null, events, 1000)).toBe(1);
  expect(events.ident(0)).toBe(chain[1]);
});

onLinux(
  'a queue that is no longer watched does not wake its former parent',
  () => {
    const [p, c] = queues(2);
    watch(p, c);
    const user = { ident: 1, filter: EVFILT_USER };
    kevent(c, [{ ...user, flags: EV_ADD, fflags: NOTE_TRIGGER }], null);
    const events = new KeventList(4);
    expect(kevent(p, null, events, 0)).toBe(1);
    watch(p, c, EV_DELETE);
    expect(kevent(p, null, events, 0)).toBe(0);
  },
);

onLinux('a call reports a queue once that gets an event meanwhile', () => {
  const [p, c] = queues(2);
  const { fd } = file(4);
  const lseek = (to: number) => bindLibc().lseek(fd, to, 0);
  lseek(4);
  const flags = EV_ADD | EV_CLEAR;
  const user = { ident: 1, filter: EVFILT_USER };
  const read = { ident: fd, filter: EVFILT_READ };
  kevent(
    c,
    [
      { ...user, flags },
      { ...read, flags },
    ],
    null,
  );
  watch(p, c);
  const events = new KeventList(4);
  // The parent's registration stays queued, and the child has no event.
  kevent(c, [{ ...user, fflags: NOTE_TRIGGER }], null);
  expect(kevent(c, null, events, 0)).toBe(1);
  // Only a poll of the child notices the new offset.
  lseek(0);
  for (let i = 0; i < 2; i++) {
    expect(kevent(p, null, events, 0)).toBe(1);
    expect(events.data(0)).toBe(1);
  }
});

onLinux('a diamond still wakes the top after one edge is removed', () => {
  const [a, b, c, d] = queues(4);
  watch(a, b);
  watch(a, c);
  watch(b, d);
  watch(c, d);
  watch(a, b, EV_DELETE);
  const user = { ident: 1, filter: EVFILT_USER };
  kevent(d, [{ ...user, flags: EV_ADD, fflags: NOTE_TRIGGER }], null);
  const events = new KeventList(4);
  expect(kevent(a, null, events, 1000)).toBe(1);
  expect(events.ident(0)).toBe(c);
});

onLinux(
  'ten fully linked levels of six queues are checked without a walk',
  () => {
    const levels = Array.from({ length: 10 }, () => queues(6));
    for (let i = 0; i + 1 < levels.length; i++) {
      for (const parent of levels[i + 1]) {
        for (const child of levels[i]) watch(parent, child);
      }
    }
    const user = { ident: 1, filter: EVFILT_USER };
    kevent(levels[0][0], [{ ...user, flags: EV_ADD }], null);
    kevent(levels[0][0], [{ ...user, fflags: NOTE_TRIGGER }], null);
    expect(kevent(levels[9][0], null, new KeventList(8), 1000)).toBe(6);
  },
);

const user = { ident: 1, filter: EVFILT_USER };
const isReadable = (fd: number): boolean => libc.poll(fd) !== 0;

/** The idents of the events. */
function collect(kq: number): number[] {
  const events = new KeventList(16);
  kevent(kq, null, events, 0);
  return [...events].map(({ ident }) => Number(ident));
}

/** Watch a socket for reading, and for writing once there is space again. */
function watchBoth(kq: number): { ident: number; free: () => void } {
  const [ident, other] = socketpair();
  libc.fill(ident);
  const write = { ident, filter: EVFILT_WRITE, flags: EV_ADD | EV_CLEAR };
  kevent(kq, [{ ...write, filter: EVFILT_READ }, write], null);
  return { ident, free: () => libc.drain(other) };
}

for (const [name, from] of [
  ['its parent', 1],
  ['a queue above its parent', 0],
] as const) {
  onLinux(`a queue that is no longer watched leaves ${name} idle`, () => {
    const [top, parent, child, grandchild] = queues(4);
    const [r, w] = pipe();
    watch(grandchild, r);
    const { free } = watchBoth(child);
    watch(child, grandchild);
    watch(parent, child);
    watch(top, parent);
    expect(collect(child)).toEqual([]);
    watch(parent, child, EV_DELETE);
    libc.write(w, 1);
    free();
    const later = watchBoth(grandchild);
    later.free();
    // Its descriptor would wake the event loop again and again.
    expect(isReadable([top, parent][from])).toBe(false);
    expect(isReadable(child)).toBe(true);
  });
}

onLinux('a queue that is watched again wakes its parent', () => {
  const [parent, child] = queues(2);
  const [r, w] = pipe();
  watch(child, r);
  watch(parent, child);
  watch(parent, child, EV_DELETE);
  watch(parent, child);
  libc.write(w, 1);
  expect(isReadable(parent)).toBe(true);
  expect(collect(parent)).toEqual([child]);
});

onLinux('a queue that is watched by three descriptors keeps the others', () => {
  const [parent, child] = queues(2);
  const [r, w] = pipe();
  watch(child, r);
  const [copy, other] = [libc.dup(child), libc.dup(child)];
  for (const fd of [child, copy, other]) watch(parent, fd);
  for (const fd of [child, other]) watch(parent, fd, EV_DELETE);
  libc.write(w, 1);
  expect(isReadable(parent)).toBe(true);
  expect(collect(parent)).toEqual([copy]);
  libc.read(r, 1);
  expect(collect(child)).toEqual([]);
  expect(collect(parent)).toEqual([]);
  watch(parent, copy, EV_DELETE);
  libc.write(w, 1);
  expect(isReadable(parent)).toBe(false);
  for (const fd of [copy, other]) close(fd);
});

onLinux('a watched queue wakes its parent for what it adds later', () => {
  const [parent, child] = queues(2);
  watch(parent, child);
  const { ident, free } = watchBoth(child);
  expect(collect(parent)).toEqual([]);
  free();
  expect(isReadable(parent)).toBe(true);
  expect(collect(parent)).toEqual([child]);
  expect(collect(child)).toEqual([ident]);
});

onLinux('events from before a change of a child come before its event', () => {
  const [parent, child] = queues(2);
  const [r, w] = pipe();
  watch(parent, r);
  watch(parent, child);
  kevent(child, [{ ...user, flags: EV_ADD | EV_CLEAR }], null);
  libc.write(w, 1);
  kevent(child, [{ ...user, fflags: NOTE_TRIGGER }], null);
  expect(collect(parent)).toEqual([r, child]);
});

onLinux('twelve ready queues and a pipe are reported by one call', () => {
  const [parent, ...children] = queues(13);
  const pipes = children.map((child) => {
    const [r, w] = pipe();
    watch(child, r);
    watch(parent, child);
    return w;
  });
  const [r, w] = pipe();
  watch(parent, r);
  for (const end of [...pipes, w]) libc.write(end, 1);
  expect(collect(parent).sort()).toEqual([...children, r].sort());
});

onLinux('a deleted registration of a queue is not reported', () => {
  const [parent, child] = queues(2);
  watch(parent, child);
  watch(parent, child, EV_DELETE);
  kevent(child, [{ ...user, flags: EV_ADD, fflags: NOTE_TRIGGER }], null);
  expect(isReadable(parent)).toBe(false);
  expect(collect(parent)).toEqual([]);
});

onLinux('a chain that is built from the bottom wakes its top', () => {
  const chain = queues(5);
  const [r, w] = pipe();
  watch(chain[4], r);
  for (let i = 3; i >= 0; i--) watch(chain[i], chain[i + 1]);
  libc.write(w, 1);
  expect(chain.map(isReadable)).toEqual(Array(5).fill(true));
  expect(collect(chain[0])).toEqual([chain[1]]);
});

onLinux('a queue that could not watch another can watch it later', () => {
  const recorded = faultyLibc(bindLibc());
  const kernel = createLinuxKernel(recorded.libc);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const list = new KeventList(4);
  let failures = 0;
  // One of these calls adds the child to an epoll.
  for (let nth = 0; nth < 24; nth++) {
    const [top, parent, child] = [kqueue(), kqueue(), kqueue()];
    const [r, w] = pipe();
    const watch = (kq: number, ident: number) =>
      kevent(kq, [{ ident, filter: EVFILT_READ, flags: EV_ADD }], null);
    watch(child, r);
    watch(top, parent);
    recorded.arm({
      call: 'epollCtl.add',
      nth,
      errno: 'ENOMEM',
      forEver: false,
    });
    try {
      watch(parent, child);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOMEM' });
      failures++;
    }
    recorded.disarm();
    watch(parent, child);
    libc.write(w, 1);
    expect([libc.poll(top), libc.poll(parent)]).toEqual([1, 1]);
    expect(kevent(top, null, list, 0)).toBe(1);
    for (const kq of [top, parent, child]) close(kq);
  }
  expect(failures).toBeGreaterThan(2);
});

onLinux('a closed descriptor of a queue is no event of those above it', () => {
  const [top, middle, bottom] = queues(3);
  watch(top, middle);
  watch(middle, bottom);
  const [r, w] = pipe();
  watch(bottom, r);
  libc.write(w, 1);
  const events = new KeventList(4);
  expect(kevent(top, null, events, 0)).toBe(1);
  closeElsewhere(r);
  for (const kq of [top, middle, top]) {
    expect(kevent(kq, null, events, 0)).toBe(0);
  }
});
