// The common behaviour of all helper iterators.
import { setImmediate as turn } from 'node:timers/promises';
import {
  type EventIterator,
  type IteratorOptions,
  interval,
  readable,
  signals,
  watchDirectory,
  watchFile,
  writable,
} from '../../src/index.js';
import * as libc from '../conformance/libc.js';
import { printedByLine, together } from '../support/child.js';
import { openCount } from '../support/fds.js';

// What the last one leaves is forgotten, which would be reported.
const programs = together('helpers/iterators', [
  'closedWhileWaiting',
  'notAsked',
]);
const collecting = together(
  'helpers/iterators',
  ['collected', 'collectedBesideSignal'],
  { flags: ['--expose-gc'] },
);

type Make = (options?: IteratorOptions) => EventIterator<unknown>;

const [reader, writer] = libc.pipe();
afterAll(() => {
  libc.close(reader);
  libc.close(writer);
});

/** Iterators without events. */
const quiet: [string, Make][] = [
  ['interval', (options) => interval({ s: 3600 }, options)],
  ['watchFile', (options) => watchFile('/kqueue-ffi/none', options)],
  ['watchDirectory', (options) => watchDirectory('/kqueue-ffi/none', options)],
  ['signals', (options) => signals('SIGWINCH', 'SIGUSR2', options ?? {})],
  ['readable', (options) => readable(reader, options)],
];

const DONE = { done: true, value: undefined };

// `signals` treats a value that is not an object as one more signal.
test.each(quiet.filter(([name]) => name !== 'signals'))(
  '%s rejects options that are not an object',
  (_, make) => {
    for (const wrong of [null, 5, 'signal']) {
      expect(() => make(wrong as unknown as IteratorOptions)).toThrow(
        expect.objectContaining({
          message: expect.stringMatching(/^Cannot .* as 'options' /),
        }),
      );
    }
  },
);

describe.each(quiet)('%s', (_, make) => {
  let before: number;

  beforeEach(() => {
    before = openCount();
  });

  afterEach(() => expect(openCount()).toBe(before));

  test('frees its resources once, as soon as it is closed', async () => {
    const events = make();
    const waits = [events.next(), events.next()];
    await turn();
    expect(events.closed).toBe(false);
    events.close();
    expect(openCount()).toBe(before);
    events.close();
    expect(events.closed).toBe(true);
    expect(await Promise.all(waits)).toEqual([DONE, DONE]);
    expect(await events.next()).toEqual(DONE);
  });

  test('frees its resources at the end of a scope', async () => {
    let waiting: Promise<unknown>;
    {
      using events = make();
      waiting = events.next();
    }
    expect(openCount()).toBe(before);
    expect(await waiting).toEqual(DONE);
    {
      await using _ = make();
    }
  });

  test('frees everything when its loop is thrown out of', async () => {
    const events = make();
    expect(await events.return()).toEqual(DONE);
    expect(openCount()).toBe(before);
    const error = new Error('mine');
    await expect(make().throw(error)).rejects.toBe(error);
  });

  test('rejects with the reason of the signal while it waits, and ends', async () => {
    const controller = new AbortController();
    const events = make({ signal: controller.signal });
    const waits = [events.next(), events.next()];
    await turn();
    const reason = new Error('mine');
    controller.abort(reason);
    expect(openCount()).toBe(before);
    const results = await Promise.allSettled(waits);
    expect(results).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    expect(await events.next()).toEqual(DONE);
  });

  test('rejects once with the reason if no next() was pending, and ends', async () => {
    const controller = new AbortController();
    const events = make({ signal: controller.signal });
    const reason = new Error('mine');
    controller.abort(reason);
    expect(openCount()).toBe(before);
    await expect(events.next()).rejects.toBe(reason);
    expect(await events.next()).toEqual(DONE);
  });

  test('opens nothing if the signal is already aborted', async () => {
    const reason = new Error('mine');
    const events = make({ signal: AbortSignal.abort(reason) });
    expect(openCount()).toBe(before);
    await expect(events.next()).rejects.toBe(reason);
    expect(await events.next()).toEqual(DONE);
  });

  test('removes its abort listener when it is closed', async () => {
    const controller = new AbortController();
    const events = make({ signal: controller.signal });
    events.close();
    controller.abort();
    expect(await events.next()).toEqual(DONE);
  });

  test('rejects a signal that is not an AbortSignal', () => {
    const half = { aborted: false, addEventListener() {} };
    for (const signal of [{}, half] as AbortSignal[]) {
      expect(() => make({ signal })).toThrow(/'signal' must be an AbortSignal/);
    }
  });
});

test('concurrent next() calls resolve in call order', async () => {
  using ticks = interval(1);
  const pending = Array.from({ length: 10 }, () => ticks.next());
  const counts = (await Promise.all(pending)).map(
    ({ value }) => value?.count ?? 0,
  );
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(new Set(counts).size).toBe(10);
});

test('a break frees everything, and so does a throw in the loop', async () => {
  const before = openCount();
  for await (const _ of interval(1)) break;
  for await (const _ of writable(writer)) break;
  const loop = (async () => {
    for await (const _ of interval(1)) throw new Error('mine');
  })();
  await expect(loop).rejects.toThrow('mine');
  expect(openCount()).toBe(before);
});

test('an iterator without a pending next() does not keep the process alive', async () => {
  const { status, stderr } = await programs.outcomeOf('notAsked');
  expect([stderr, status]).toEqual(['', 0]);
});

test('closing or aborting a pending iterator lets the process exit', async () => {
  const { status, stderr } = await programs.outcomeOf('closedWhileWaiting');
  expect([stderr, status]).toEqual(['', 0]);
});

test('a pending next() keeps the process alive', async () => {
  expect(
    await printedByLine("api.interval(100).next().then(() => print('tick'));"),
  ).toEqual(['tick']);
});

test('a garbage-collected iterator is closed, but not while next() is pending', async () => {
  expect(await collecting.printedBy('collected')).toEqual([
    'begin',
    true,
    true,
    1,
    true,
  ]);
});

test('closes a garbage-collected iterator although its signal is still referenced', async () => {
  expect(await collecting.printedBy('collectedBesideSignal')).toEqual([
    'begin',
    true,
    0,
  ]);
});

const NOTHING = { done: false, value: undefined };

describe.each(quiet)('%s, with a limited wait', (_, make) => {
  test('times out repeatedly and stays open', async () => {
    using events = make();
    for (const timeout of [0, 1, 5]) {
      expect(await events.next({ timeout })).toEqual(NOTHING);
    }
    const all = [5, 1, 3].map((timeout) => events.next({ timeout }));
    expect(await Promise.all(all)).toEqual([NOTHING, NOTHING, NOTHING]);
    expect(events.closed).toBe(false);
  });

  test('rejects one wait with the reason of its signal, and stays open', async () => {
    using events = make();
    const controller = new AbortController();
    const reason = new Error('mine');
    const waits = [
      events.next({ signal: controller.signal }),
      events.next({ timeout: 30 }),
    ];
    await turn();
    controller.abort(reason);
    expect(await Promise.allSettled(waits)).toEqual([
      { status: 'rejected', reason },
      { status: 'fulfilled', value: NOTHING },
    ]);
    const { signal } = controller;
    await expect(events.next({ signal })).rejects.toBe(reason);
    expect(events.closed).toBe(false);
  });

  test('rejects options that are not an object', async () => {
    using events = make();
    for (const options of [null, 5, { timeout: -1 }, { signal: {} }]) {
      await expect(events.next(options as never)).rejects.toThrow(
        /^Cannot wait for the next value as '/,
      );
    }
  });

  test('ends a limited wait when it is closed', async () => {
    const events = make();
    const wait = events.next({ timeout: 60_000 });
    await turn();
    events.close();
    expect(await wait).toEqual(DONE);
  });
});

test('a value after a time-out goes to the next call', async () => {
  using hangups = signals('SIGHUP');
  expect(await hangups.next({ timeout: 1 })).toEqual(NOTHING);
  process.kill(process.pid, 'SIGHUP');
  const hangup = { done: false, value: { signal: 'SIGHUP', count: 1 } };
  expect(await hangups.next({ timeout: 5000 })).toEqual(hangup);

  using data = readable(reader);
  expect(await data.next({ timeout: 1 })).toEqual(NOTHING);
  libc.write(writer, 1);
  const { value } = await data.next({ timeout: 5000 });
  expect(value?.available).toBe(1);
  libc.read(reader, 1);
});

test('loses no tick in a race of time-outs and aborts', async () => {
  using ticks = interval(1);
  let seen = 0;
  for (let round = 0; round < 60; round++) {
    const controller = new AbortController();
    const { signal } = controller;
    const tick = ticks.next(
      round % 2 === 0 ? { timeout: (round % 5) / 3 } : { signal },
    );
    if (round % 2 === 1) setImmediate(() => controller.abort());
    const result = await tick.catch(() => undefined);
    if (result?.value === undefined) continue;
    // The kernel and the iterator counted the same total.
    seen += result.value.missed + 1;
    expect(result.value.count).toBe(seen);
  }
  expect(seen).toBeGreaterThan(0);
});

test('returns an event that is ready at the time-out', async () => {
  using ticks = interval(5);
  const wait = ticks.next({ timeout: 10 });
  const until = performance.now() + 30;
  while (performance.now() < until);
  expect((await wait).value?.count).toBeGreaterThanOrEqual(1);
});

test('many helpers can share a signal without a warning', async () => {
  const warnings: unknown[] = [];
  const listener = (warning: unknown) => warnings.push(warning);
  process.on('warning', listener);
  const controller = new AbortController();
  const { signal } = controller;
  const all = Array.from({ length: 30 }, () => interval(1000, { signal }));
  const waits = all.map((each) => each.next());
  using other = interval({ s: 3600 });
  const limited = Array.from({ length: 30 }, () => other.next({ signal }));
  await turn();
  controller.abort();
  const settled = await Promise.allSettled([...waits, ...limited]);
  expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
  await turn();
  process.off('warning', listener);
  expect(warnings).toEqual([]);
});
