import { writeSync } from 'node:fs';
import {
  EV_ADD,
  EV_ONESHOT,
  EVFILT_TIMER,
  EVFILT_USER,
  KeventList,
  Kqueue,
  kevent,
  NOTE_TRIGGER,
} from '../../src/index.js';
import { close, pipe } from '../conformance/libc.js';

let kq: Kqueue<string | undefined>;

beforeEach(() => {
  kq = new Kqueue();
});

afterEach(() => kq.close());

const users = (...ids: number[]): void => {
  kq.add(
    ...ids.map((id) => ({ filter: 'user' as const, id, udata: `user ${id}` })),
  );
  for (const id of ids) kq.trigger(id);
};

test('poll returns at once, with or without events', () => {
  expect(kq.poll()).toEqual([]);
  users(1);
  expect(kq.poll()).toMatchObject([{ id: 1, udata: 'user 1' }]);
});

test('wait returns as soon as there is an event', () => {
  // The clock starts first, so that a slow add does not make the timer seem
  // early.
  const start = performance.now();
  kq.add({ filter: 'timer', id: 1, after: 5 });
  expect(kq.wait({ timeout: 10_000 })).toHaveLength(1);
  const elapsed = performance.now() - start;
  expect(elapsed).toBeGreaterThanOrEqual(5);
  expect(elapsed).toBeLessThan(5000);
});

test('wait returns nothing at its timeout, and not before', () => {
  for (const timeout of [0, 0.25, 3, 10.5]) {
    const start = performance.now();
    expect(kq.wait({ timeout })).toEqual([]);
    expect(performance.now() - start).toBeGreaterThanOrEqual(timeout);
  }
});

test('consumes at most max events, and leaves the others pending', () => {
  users(1, 2, 3, 4, 5);
  const ids: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const events = kq.wait({ timeout: 0, max: 2 });
    expect(events.length).toBeLessThanOrEqual(2);
    for (const event of events) if (event.filter === 'user') ids.push(event.id);
  }
  expect(ids).toEqual([1, 2, 3, 4, 5]);
});

test('more events than a batch holds are all delivered, in order', () => {
  const ids = Array.from({ length: 300 }, (_, i) => i);
  users(...ids);
  const got: unknown[] = [];
  for (let round = 0; round < 20; round++) {
    for (const event of kq.poll()) {
      if (event.filter === 'user') got.push(event.id);
    }
  }
  expect(got).toEqual(ids);
});

test('a batch may be larger than the default', () => {
  users(...Array.from({ length: 300 }, (_, i) => i));
  expect(kq.poll({ max: 1000 })).toHaveLength(300);
});

describe('fill', () => {
  test('leaves raw entries, and udataOf returns the value of each', () => {
    users(1, 2);
    const list = new KeventList(8);
    expect(kq.fill(list, 0)).toBe(2);
    expect(list.length).toBe(2);
    expect([list.ident(0), list.filter(0)]).toEqual([1, EVFILT_USER]);
    expect(kq.udataOf(list, 0)).toBe('user 1');
    expect(kq.udataOf(list, 1)).toBe('user 2');
  });

  test('waits for its time, and returns 0', () => {
    const list = new KeventList(8);
    const start = performance.now();
    expect(kq.fill(list, 2.5)).toBe(0);
    expect(performance.now() - start).toBeGreaterThanOrEqual(2.5);
    expect(list.length).toBe(0);
  });

  test('keeps the value of a one-shot until the next call', () => {
    kq.add({ filter: 'user', id: 1, oneshot: true, udata: 'once' });
    kq.trigger(1);
    const list = new KeventList(8);
    kq.fill(list, 0);
    expect(kq.udataOf(list, 0)).toBe('once');
    kq.poll();
    expect(kq.udataOf(list, 0)).toBeUndefined();
    expect(kq.size).toBe(0);
  });

  test('ends a one-shot at the next fill, and nothing else', () => {
    kq.add(
      { filter: 'user', id: 1, oneshot: true, udata: 'once' },
      { filter: 'user', id: 2, clear: false, udata: 'stays' },
    );
    kq.trigger(1);
    kq.trigger(2);
    const list = new KeventList(8);
    expect(kq.fill(list, 0)).toBe(2);
    expect([kq.udataOf(list, 0), kq.udataOf(list, 1)]).toEqual([
      'once',
      'stays',
    ]);
    expect(kq.fill(list, 0)).toBe(1);
    expect([kq.udataOf(list, 0), kq.size]).toEqual(['stays', 1]);
    expect(kq.poll()).toMatchObject([{ id: 2, udata: 'stays' }]);
    expect(kq.size).toBe(1);
  });

  test('returns events that an asynchronous loop collected and did not consume', async () => {
    users(1, 2, 3);
    for await (const event of kq) {
      expect(event).toMatchObject({ id: 1 });
      break;
    }
    const list = new KeventList(1);
    expect(kq.fill(list, 0)).toBe(1);
    expect([list.ident(0), kq.udataOf(list, 0)]).toEqual([2, 'user 2']);
    expect(kq.poll()).toMatchObject([{ id: 3 }]);
    kq.delete({ filter: 'user', id: 2 });
    // This one collects.
    kq.poll();
    expect(kq.udataOf(list, 0)).toBeUndefined();
  });
});

test('an event of a deleted registration does not end a wait', () => {
  users(1);
  const [{ raw }] = kq.poll();
  kq.delete({ filter: 'user', id: 1 });
  const change = { ident: 1, filter: EVFILT_USER, flags: EV_ADD };
  const { udata } = raw;
  kevent(kq.fd, [{ ...change, fflags: NOTE_TRIGGER, udata }], null);
  const start = performance.now();
  expect(kq.wait({ timeout: 50 })).toEqual([]);
  expect(performance.now() - start).toBeGreaterThanOrEqual(50);
});

describe('an event with the token of a registration that has ended', () => {
  /** A token that the kernel may still have. */
  const endedToken = (): number | bigint => {
    users(1);
    const [{ raw }] = kq.poll();
    kq.delete({ filter: 'user', id: 1 });
    return raw.udata;
  };

  test('does not extend a wait', () => {
    const udata = endedToken();
    // One every 20 ms, for 800 ms.
    const timers = Array.from({ length: 40 }, (_, ident) => ({
      ident,
      filter: EVFILT_TIMER,
      flags: EV_ADD | EV_ONESHOT,
      data: 20 * (ident + 1),
      udata,
    }));
    kevent(kq.fd, timers, null);
    const start = performance.now();
    expect(kq.wait({ timeout: 50 })).toEqual([]);
    const elapsed = performance.now() - start;
    expect(elapsed).toBeGreaterThanOrEqual(50);
    expect(elapsed).toBeLessThan(600);
  });

  test('is reported once to the queue, which deletes its rest', () => {
    const udata = endedToken();
    const fflags = NOTE_TRIGGER;
    const change = { ident: 1, filter: EVFILT_USER, flags: EV_ADD };
    kevent(kq.fd, [{ ...change, fflags, udata }], null);
    expect(kq.poll()).toEqual([]);
    expect(kevent(kq.fd, null, new KeventList(1), 0)).toBe(0);
  });

  test('does not end a newer registration with the same key', () => {
    const udata = endedToken();
    kq.add({ filter: 'user', id: 1, udata: 'newer' });
    const trigger = { ident: 1, filter: EVFILT_USER, fflags: NOTE_TRIGGER };
    kevent(kq.fd, [{ ...trigger, udata }], null);
    expect(kq.poll()).toEqual([]);
    kq.trigger(1);
    expect(kq.poll()).toMatchObject([{ udata: 'newer' }]);
  });
});

test('malformed options throw before anything is collected', () => {
  users(1);
  for (const timeout of [-1, Number.NaN, Infinity, '5', 5n]) {
    expect(() => kq.wait({ timeout: timeout as number })).toThrow(
      /^Cannot wait for events as 'timeout' must be/,
    );
    expect(() => kq.fill(new KeventList(1), timeout as number)).toThrow(
      /^Cannot fill a list as 'timeout' must be/,
    );
  }
  for (const max of [0, -1, 1.5, Number.NaN, '5']) {
    expect(() => kq.wait({ max: max as number })).toThrow(
      /^Cannot wait for events as 'max' must be/,
    );
  }
  const wrong = [] as unknown as KeventList;
  expect(() => kq.fill(wrong, 0)).toThrow(
    /^Cannot fill a list as 'list' must be a KeventList/,
  );
  expect(() => kq.udataOf(wrong, 0)).toThrow(
    /^Cannot read a KeventList as 'list' must be a KeventList/,
  );
  expect(kq.poll()).toHaveLength(1);
});

test('serves descriptors round robin', () => {
  const pipes = Array.from({ length: 3 }, () => pipe());
  for (const [reader, writer] of pipes) {
    writeSync(writer, 'x');
    kq.add({ filter: 'read', fd: reader });
  }
  const seen = new Set<unknown>();
  for (let i = 0; i < 3; i++) {
    for (const event of kq.wait({ timeout: 0, max: 1 })) {
      if (event.filter === 'read') seen.add(event.fd);
    }
  }
  expect(seen.size).toBe(3);
  for (const [reader, writer] of pipes) {
    kq.delete({ filter: 'read', fd: reader });
    close(reader);
    close(writer);
  }
});
