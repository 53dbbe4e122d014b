// Whether the event loop's own queue takes a queue, by Darwin's rule of levels
// (B8): a loop that has watched a queue has level 2, and refuses one of level 3 with
// EINVAL, at which libuv fails and koffi aborts. The kernel for Linux keeps the rule.
import {
  close,
  EV_ADD,
  EV_DELETE,
  EVFILT_READ,
  kevent,
  kqueue,
} from '../../src/index.js';
import { canLoopWatch } from '../../src/queue/pollable.js';

const made: number[] = [];

/** A queue that watches another. */
function watcherOf(child?: number): number {
  const kq = kqueue();
  made.push(kq);
  if (child !== undefined) {
    kevent(kq, [{ ident: child, filter: EVFILT_READ, flags: EV_ADD }], null);
  }
  return kq;
}

afterEach(() => {
  for (const kq of made.splice(0)) close(kq);
});

/** A loop that has watched a plain queue before, and its level is 2. */
function usedLoop(): number {
  const loop = watcherOf();
  const plain = { ident: watcherOf(), filter: EVFILT_READ };
  kevent(loop, [{ ...plain, flags: EV_ADD }], null);
  kevent(loop, [{ ...plain, flags: EV_DELETE }], null);
  return loop;
}

test('accepts a plain queue, and a queue that watches one', () => {
  const loop = usedLoop();
  expect(canLoopWatch(watcherOf(), loop)).toBe(true);
  expect(canLoopWatch(watcherOf(watcherOf()), loop)).toBe(true);
});

test('rejects a queue nested twice without a test in this process', () => {
  const nested = watcherOf(watcherOf(watcherOf()));
  const loop = usedLoop();
  expect(canLoopWatch(nested, loop)).toBe(false);
  // A loop that has watched nothing takes it, as levels only rise.
  expect(canLoopWatch(nested, watcherOf())).toBe(true);
  expect(canLoopWatch(nested, loop)).toBe(false);
});

test('a test leaves nothing registered', () => {
  const loop = usedLoop();
  const kq = watcherOf();
  canLoopWatch(kq, loop);
  const removal = { ident: kq, filter: EVFILT_READ, flags: EV_DELETE };
  expect(() => kevent(loop, [removal], null)).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
});

test('accepts everything without an event loop to test, as in Bun', () => {
  expect(canLoopWatch(watcherOf(), -1)).toBe(true);
});
