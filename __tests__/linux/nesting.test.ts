// Queues that watch queues: spec B8 as corrected. Darwin searches no cycle, it
// compares levels.
import {
  close,
  EV_ADD,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_USER,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { isolate } from '../conformance/world.js';
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
