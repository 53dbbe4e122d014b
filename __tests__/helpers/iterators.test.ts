// What all iterators of the helpers have in common.
import { setImmediate as turn } from 'node:timers/promises';
import {
  type EventIterator,
  type IteratorOptions,
  interval,
  readable,
  signals,
  watchFile,
  writable,
} from '../../src/index.js';
import * as libc from '../conformance/libc.js';
import { printedBy, printedByLine, runProgram } from '../support/child.js';
import { openCount } from '../support/fds.js';

type Make = (options?: IteratorOptions) => EventIterator<unknown>;

const [reader, writer] = libc.pipe();
afterAll(() => {
  libc.close(reader);
  libc.close(writer);
});

/** Iterators that have nothing to tell. */
const quiet: [string, Make][] = [
  ['interval', (options) => interval({ s: 3600 }, options)],
  ['watchFile', (options) => watchFile('/kqueue-ffi/none', options)],
  ['signals', (options) => signals('SIGWINCH', 'SIGUSR2', options ?? {})],
  ['readable', (options) => readable(reader, options)],
];

const DONE = { done: true, value: undefined };

// `signals` takes what is no object for one more signal.
test.each(quiet.filter(([name]) => name !== 'signals'))(
  '%s says what is wrong with options that are none',
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

  test('frees everything when it is closed, at once and once', async () => {
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

  test('frees everything at the end of a scope', async () => {
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

  test('rejects once with the reason if nobody waited, and ends', async () => {
    const controller = new AbortController();
    const events = make({ signal: controller.signal });
    const reason = new Error('mine');
    controller.abort(reason);
    expect(openCount()).toBe(before);
    await expect(events.next()).rejects.toBe(reason);
    expect(await events.next()).toEqual(DONE);
  });

  test('opens nothing for a signal that is aborted already', async () => {
    const reason = new Error('mine');
    const events = make({ signal: AbortSignal.abort(reason) });
    expect(openCount()).toBe(before);
    await expect(events.next()).rejects.toBe(reason);
    expect(await events.next()).toEqual(DONE);
  });

  test('hears nothing of a signal once it is closed', async () => {
    const controller = new AbortController();
    const events = make({ signal: controller.signal });
    events.close();
    controller.abort();
    expect(await events.next()).toEqual(DONE);
  });

  test('takes no signal that is none', () => {
    const half = { aborted: false, addEventListener() {} };
    for (const signal of [{}, half] as AbortSignal[]) {
      expect(() => make({ signal })).toThrow(/'signal' must be an AbortSignal/);
    }
  });
});

test('concurrent next() calls resolve in call order', async () => {
  using ticks = interval(1);
  const asked = Array.from({ length: 10 }, () => ticks.next());
  const counts = (await Promise.all(asked)).map(
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
  const { status, stderr } = await runProgram('helpers/iterators', 'notAsked');
  expect([stderr, status]).toEqual(['', 0]);
});

test('closing or aborting a pending iterator lets the process exit', async () => {
  const { status, stderr } = await runProgram(
    'helpers/iterators',
    'closedWhileWaiting',
  );
  expect([stderr, status]).toEqual(['', 0]);
});

test('a pending next() keeps the process alive', async () => {
  expect(
    await printedByLine("api.interval(100).next().then(() => print('tick'));"),
  ).toEqual(['tick']);
});

test('a garbage-collected iterator is closed, but not while next() is pending', async () => {
  expect(
    await printedBy('helpers/iterators', 'collected', {
      flags: ['--expose-gc'],
    }),
  ).toEqual(['begin', true, true, 1, true]);
});

test('a garbage-collected iterator is closed though its signal lives on', async () => {
  expect(
    await printedBy('helpers/iterators', 'collectedBesideSignal', {
      flags: ['--expose-gc'],
    }),
  ).toEqual(['begin', true, 0]);
});
