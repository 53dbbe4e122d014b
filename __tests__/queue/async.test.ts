import { AsyncLocalStorage } from 'node:async_hooks';
import { closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  setTimeout as sleep,
  setImmediate as turn,
} from 'node:timers/promises';
import { Kqueue, type KqueueEvent } from '../../src/index.js';

let kq: Kqueue;

beforeEach(() => {
  kq = new Kqueue();
});

afterEach(() => kq.close());

const users = (...ids: number[]): void => {
  kq.add(...ids.map((id) => ({ filter: 'user' as const, id })));
  for (const id of ids) kq.trigger(id);
};

const idOf = (event: KqueueEvent | undefined): unknown =>
  event?.filter === 'user' || event?.filter === 'timer' ? event.id : undefined;

describe('next', () => {
  test('resolves with an event that is ready', async () => {
    users(1);
    expect(idOf(await kq.next())).toBe(1);
  });

  test('resolves with an event of any source', async () => {
    kq.add({ filter: 'timer', id: 7, after: 5 });
    expect(idOf(await kq.next())).toBe(7);
    const waiting = kq.next();
    users(1);
    expect(idOf(await waiting)).toBe(1);
  });

  test('resolves with undefined at its timeout, and not before', async () => {
    for (const timeout of [0, 0.5, 10]) {
      const start = performance.now();
      expect(await kq.next({ timeout })).toBeUndefined();
      expect(performance.now() - start).toBeGreaterThanOrEqual(timeout);
    }
    users(1);
    expect(idOf(await kq.next({ timeout: 0 }))).toBe(1);
  });

  test('consumes one event and leaves the others', async () => {
    users(1, 2, 3);
    expect(idOf(await kq.next())).toBe(1);
    expect(kq.poll().map(idOf)).toEqual([2, 3]);
  });

  test('rejects for malformed options', async () => {
    await expect(kq.next({ timeout: -1 })).rejects.toThrow(RangeError);
    await expect(kq.next({ timeout: 2 ** 31 })).rejects.toThrow(RangeError);
  });

  test('accepts the longest timeout that its errors name', async () => {
    const waiting = kq.next({ timeout: 2 ** 31 - 1 });
    users(1);
    expect(idOf(await waiting)).toBe(1);
  });
});

describe('a loop over events', () => {
  test('yields each event once, in order', async () => {
    users(...Array.from({ length: 200 }, (_, i) => i));
    const ids: unknown[] = [];
    for await (const event of kq) {
      ids.push(idOf(event));
      if (ids.length === 200) break;
    }
    expect(ids).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  test('that is left by break loses no event', async () => {
    users(1, 2, 3);
    for await (const event of kq) {
      expect(idOf(event)).toBe(1);
      break;
    }
    for await (const event of kq) {
      expect(idOf(event)).toBe(2);
      break;
    }
    expect(idOf(await kq.next())).toBe(3);
  });

  test('that is left by an exception loses no event', async () => {
    users(1, 2, 3);
    const loop = async () => {
      for await (const event of kq) throw new Error(`seen ${idOf(event)}`);
    };
    await expect(loop()).rejects.toThrow('seen 1');
    expect(kq.poll().map(idOf)).toEqual([2, 3]);
  });

  test('gets no event of a registration that its body deleted', async () => {
    users(1, 2, 3);
    const ids: unknown[] = [];
    for await (const event of kq) {
      ids.push(idOf(event));
      if (ids.length === 1) kq.delete({ filter: 'user', id: 2 });
      if (ids.length === 2) break;
    }
    expect(ids).toEqual([1, 3]);
  });

  test('yields no event of the old registration after its body added it again', async () => {
    kq.add(
      { filter: 'user', id: 1, udata: 'a' },
      { filter: 'user', id: 2, udata: 'old' },
    );
    kq.trigger(1);
    kq.trigger(2);
    for await (const event of kq) {
      expect(event.udata).toBe('a');
      kq.delete({ filter: 'user', id: 2 });
      kq.add({ filter: 'user', id: 2, udata: 'new' });
      break;
    }
    expect(kq.poll()).toEqual([]);
    kq.trigger(2);
    expect(kq.poll()).toMatchObject([{ udata: 'new' }]);
  });

  test('ends when the queue is closed in its body', async () => {
    users(1, 2);
    let seen = 0;
    for await (const _ of kq) {
      seen++;
      kq.close();
    }
    expect(seen).toBe(1);
  });

  test('resolves several concurrent calls', async () => {
    const iterator = kq[Symbol.asyncIterator]();
    const three = [iterator.next(), iterator.next(), iterator.next()];
    users(1, 2);
    expect(idOf((await three[0]).value)).toBe(1);
    expect(idOf((await three[1]).value)).toBe(2);
    await iterator.return?.();
    expect(await three[2]).toEqual({ done: true, value: undefined });
    users(4);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(idOf(await kq.next())).toBe(4);
  });
});

describe('an iterator', () => {
  test('that gets an exception rejects with it and ends', async () => {
    const iterator = kq[Symbol.asyncIterator]();
    const waiting = iterator.next();
    const error = new Error('mine');
    await expect(iterator.throw?.(error)).rejects.toBe(error);
    expect(await waiting).toEqual({ done: true, value: undefined });
    users(1);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(idOf(await kq.next())).toBe(1);
  });

  test('that returns while nothing is awaited ends', async () => {
    const iterator = kq[Symbol.asyncIterator]();
    users(1);
    expect(await iterator.return?.('mine')).toEqual({
      done: true,
      value: 'mine',
    });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(idOf(await kq.next())).toBe(1);
  });
});

describe('batches', () => {
  test('have the pending events, up to max', async () => {
    users(1, 2, 3, 4, 5);
    const batches: unknown[][] = [];
    for await (const events of kq.events({ max: 2 })) {
      batches.push(events.map(idOf));
      if (batches.length === 3) break;
    }
    expect(batches).toEqual([[1, 2], [3, 4], [5]]);
  });

  test('are never empty', async () => {
    const batches = kq.events();
    const waiting = batches.next();
    await turn();
    users(1);
    expect((await waiting).value.map(idOf)).toEqual([1]);
  });

  test('refuse an invalid max', () => {
    for (const max of [0, -1, 0.5]) {
      expect(() => kq.events({ max })).toThrow(RangeError);
      expect(() => kq.on(() => {}, { max })).toThrow(RangeError);
    }
  });
});

describe('an abort', () => {
  test('rejects with the reason of the signal, before and while waiting', async () => {
    const reason = new Error('enough');
    await expect(kq.next({ signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    );
    const controller = new AbortController();
    const waiting = kq.next({ signal: controller.signal });
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test('loses no event and no registration', async () => {
    kq.add({ filter: 'user', id: 1, udata: 'kept' });
    const controller = new AbortController();
    const waiting = kq.next({ signal: controller.signal });
    kq.trigger(1);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(await kq.next()).toMatchObject({ id: 1, udata: 'kept' });
    await expect(
      kq.next({ signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ name: 'AbortError' });
    kq.trigger(1);
    expect(await kq.next()).toMatchObject({ id: 1, udata: 'kept' });
  });

  test('ends an iteration over batches with its reason', async () => {
    users(1, 2, 3);
    const controller = new AbortController();
    const seen: unknown[] = [];
    const loop = async () => {
      for await (const events of kq.events({
        signal: controller.signal,
        max: 1,
      })) {
        seen.push(...events.map(idOf));
        if (seen.length === 2) controller.abort('stop');
      }
    };
    await expect(loop()).rejects.toBe('stop');
    expect(seen).toEqual([1, 2]);
    expect(kq.poll().map(idOf)).toEqual([3]);
  });

  test('rejects every pending batch with its reason, and then they end', async () => {
    const controller = new AbortController();
    const batches = kq.events({ signal: controller.signal });
    const waits = [batches.next(), batches.next()];
    await turn();
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await Promise.allSettled(waits)).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    users(1);
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    expect(kq.poll().map(idOf)).toEqual([1]);
  });

  test('while no batch is pending rejects the next one, and then they end', async () => {
    const controller = new AbortController();
    const batches = kq.events({ signal: controller.signal });
    users(1);
    controller.abort('enough');
    await expect(batches.next()).rejects.toBe('enough');
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    expect(kq.poll().map(idOf)).toEqual([1]);
  });

  test('of one of several waits leaves the others in their order', async () => {
    for (const aborted of [1, 2, 3]) {
      const controller = new AbortController();
      const waits = [0, 1, 2, 3].map((i) =>
        kq.next(i === aborted ? { signal: controller.signal } : {}),
      );
      controller.abort();
      users(1, 2, 3);
      const results = await Promise.allSettled(waits);
      const [{ status }] = results.splice(aborted, 1);
      expect(status).toBe('rejected');
      expect(
        results.map((each) => 'value' in each && idOf(each.value)),
      ).toEqual([1, 2, 3]);
    }
  });

  test('rejects the waits that are left of those that share the signal', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const waits = [kq.next({ signal }), kq.next({ signal })];
    users(1);
    expect(idOf(await waits[0])).toBe(1);
    controller.abort('enough');
    await expect(waits[1]).rejects.toBe('enough');
  });

  test('of a pending batch leaves the next event to others', async () => {
    const controller = new AbortController();
    const batches = kq.events({ signal: controller.signal });
    const waiting = batches.next();
    await turn();
    controller.abort('enough');
    await expect(waiting).rejects.toBe('enough');
    const next = kq.next({ timeout: 10_000 });
    users(1);
    expect(idOf(await next)).toBe(1);
  });

  test('rejects the next batch although an earlier one was awaited', async () => {
    const controller = new AbortController();
    const batches = kq.events({ signal: controller.signal });
    const waiting = batches.next();
    users(1);
    expect((await waiting).value.map(idOf)).toEqual([1]);
    controller.abort('enough');
    await expect(batches.next()).rejects.toBe('enough');
  });

  /** A signal that counts its listeners. */
  const countingSignal = () => {
    const controller = new AbortController();
    const { signal } = controller;
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    return { controller, signal, count: () => listeners };
  };

  /** Consumers that wait with a signal. */
  const consumers: readonly [
    string,
    (queue: Kqueue, signal: AbortSignal) => Promise<unknown> | undefined,
  ][] = [
    ['next()', (queue, signal) => queue.next({ signal, timeout: 60_000 })],
    ['a batch', (queue, signal) => queue.events({ signal }).next()],
    [
      'a listener',
      (queue, signal) => {
        queue.on(() => {}, { signal, onError() {} });
        return undefined;
      },
    ],
  ];

  test.each(consumers)(
    'or the end of %s leaves no listener on its signal',
    async (_, consume) => {
      const endings: readonly ((
        queue: Kqueue,
        abort: AbortController,
      ) => void)[] = [
        (queue) => queue.close(),
        (_queue, controller) => controller.abort(),
        ({ fd }) => {
          closeSync(fd);
          // It has the same number, so the loss is noticed at once.
          new Kqueue().close();
        },
      ];
      for (const end of endings) {
        using queue = new Kqueue();
        const { controller, signal, count } = countingSignal();
        const waiting = consume(queue, signal)?.catch(() => {});
        expect(count()).toBe(1);
        await turn();
        end(queue, controller);
        await waiting;
        expect(count()).toBe(0);
      }
    },
  );

  test('leaves no listener on a long-lived signal', async () => {
    const { signal, count } = countingSignal();
    const batches = kq.events({ signal });
    for (let i = 0; i < 10; i++) {
      const waiting = kq.next({ signal });
      users(1);
      await waiting;
      expect(await kq.next({ signal, timeout: 0 })).toBeUndefined();
      const batch = batches.next();
      users(1);
      await batch;
      expect(count()).toBe(0);
    }
    kq.on(() => {}, { signal }).stop();
    expect(count()).toBe(0);
  });

  test('must come from an AbortSignal', async () => {
    const { signal } = new AbortController();
    const { addEventListener, removeEventListener } = signal;
    const message = / as 'signal' must be an AbortSignal: received /;
    for (const wrong of [
      null,
      5,
      {},
      { aborted: false },
      { aborted: false, addEventListener },
      { aborted: false, removeEventListener },
      { addEventListener, removeEventListener },
    ]) {
      const options = { signal: wrong as unknown as AbortSignal };
      await expect(kq.next(options)).rejects.toThrow(message);
      expect(() => kq.events(options)).toThrow(message);
      expect(() => kq.on(() => {}, options)).toThrow(message);
    }
  });
});

describe('two consumers', () => {
  test('get each event once, in call order', async () => {
    const waiting = [kq.next(), kq.next(), kq.next()];
    users(1, 2, 3);
    expect((await Promise.all(waiting)).map(idOf)).toEqual([1, 2, 3]);
  });

  test('are served in call order, also if an event comes in between', async () => {
    const first = kq.next();
    users(1);
    const second = kq.next();
    users(2);
    expect((await Promise.all([first, second])).map(idOf)).toEqual([1, 2]);
  });

  test('that loop alternate', async () => {
    const seen: [string, unknown][] = [];
    const consume = async (name: string) => {
      for await (const event of kq) {
        seen.push([name, idOf(event)]);
        if (seen.length >= 6) break;
        await turn();
      }
    };
    const both = [consume('a'), consume('b')];
    users(1, 2, 3, 4, 5, 6, 7);
    await Promise.all(both);
    const ids = seen.map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(seen.map(([name]) => name))).toEqual(new Set(['a', 'b']));
    const rest = kq.poll().map(idOf);
    expect([...ids, ...rest].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test('serve the next one if the first aborts', async () => {
    const controller = new AbortController();
    const first = kq.next({ signal: controller.signal });
    const second = kq.next();
    controller.abort();
    users(1);
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(idOf(await second)).toBe(1);
  });

  test('serve a synchronous call at once', async () => {
    const waiting = kq.next();
    users(1);
    expect(kq.poll().map(idOf)).toEqual([1]);
    kq.trigger(1);
    expect(idOf(await waiting)).toBe(1);
  });
});

describe('a listener', () => {
  test('gets batches from the next microtask on, until it is stopped', async () => {
    users(1, 2);
    const batches: unknown[][] = [];
    const subscription = kq.on((events) => batches.push(events.map(idOf)));
    expect(batches).toEqual([]);
    await turn();
    expect(batches).toEqual([[1, 2]]);
    kq.trigger(1);
    await sleep(0);
    await kq.next({ timeout: 5 });
    expect(batches).toEqual([[1, 2], [1]]);
    subscription.stop();
    subscription.stop();
    kq.trigger(2);
    expect(idOf(await kq.next())).toBe(2);
    expect(batches).toHaveLength(2);
  });

  test('may stop itself, add and trigger', async () => {
    users(1);
    const done = new Promise<unknown[]>((resolve) => {
      const seen: unknown[] = [];
      const subscription = kq.on((events) => {
        seen.push(...events.map(idOf));
        if (seen.length === 3) {
          subscription.stop();
          resolve(seen);
        } else {
          users(seen.length + 1);
        }
      });
    });
    expect(await done).toEqual([1, 2, 3]);
  });

  test('is stopped by a signal, or by using', async () => {
    const controller = new AbortController();
    const received: unknown[] = [];
    kq.on((events) => received.push(events), { signal: controller.signal });
    kq.on((events) => received.push(events), { signal: AbortSignal.abort() });
    controller.abort();
    {
      using _ = kq.on((events) => received.push(events));
    }
    users(1);
    await turn();
    expect(received).toEqual([]);
    expect(kq.poll()).toHaveLength(1);
  });

  test('gets the events of a batch before those of the next one', async () => {
    users(1, 2, 3, 4);
    const ids: unknown[] = [];
    const subscription = kq.on((events) => ids.push(...events.map(idOf)), {
      max: 1,
    });
    await turn();
    expect(ids).toEqual([1, 2, 3, 4]);
    subscription.stop();
  });

  test('must be a function, and so must onError', () => {
    expect(() => kq.on({} as unknown as () => void)).toThrow(TypeError);
    const onError = 'log' as unknown as () => void;
    expect(() => kq.on(() => {}, { onError })).toThrow(
      new TypeError(
        `Cannot listen to events as 'onError' must be a function: received "log"`,
      ),
    );
  });
});

describe('a storm of events', () => {
  const storm = (): void =>
    kq.add({ filter: 'user', id: 1, clear: false, udata: 'storm' });

  /** Timers go off meanwhile, until so many events were seen. */
  const until = async (enough: () => boolean): Promise<void> => {
    for (let i = 0; i < 1000 && !enough(); i++) await sleep(1);
    expect(enough()).toBe(true);
  };

  test('starves neither timers nor I/O', async () => {
    storm();
    kq.trigger(1);
    let stop = false;
    let seen = 0;
    const loop = (async () => {
      for await (const _ of kq) {
        seen++;
        if (stop) break;
      }
    })();
    await until(() => seen > 100);
    expect(await readFile(__filename, 'utf8')).toContain('a storm of events');
    await turn();
    stop = true;
    await loop;
  });

  test('lets the event loop run after 4 ms, however few events that were', async () => {
    storm();
    kq.trigger(1);
    let calls = 0;
    const subscription = kq.on(() => {
      calls++;
      const end = performance.now() + 5;
      while (performance.now() < end);
    });
    // The first turn may have begun before.
    await turn();
    await turn();
    subscription.stop();
    expect(calls).toBeGreaterThan(0);
    expect(calls).toBeLessThan(32);
  });

  test('starves nothing when a listener or next() consumes it', async () => {
    storm();
    kq.trigger(1);
    let seen = 0;
    const subscription = kq.on((events) => {
      seen += events.length;
    });
    await until(() => seen > 10);
    subscription.stop();
    let isOver = false;
    let taken = 0;
    const loop = (async () => {
      for (; !isOver; taken++) await kq.next();
    })();
    await until(() => taken > 10);
    isOver = true;
    await loop;
  });
});

test('keeps the asynchronous context of the caller that waits', async () => {
  const storage = new AsyncLocalStorage<string>();
  const waiting = storage.run('waiter', async () => {
    await kq.next();
    return storage.getStore();
  });
  const looping = storage.run('loop', async () => {
    for await (const _ of kq) return storage.getStore();
    return undefined;
  });
  const listening = new Promise((resolve) => {
    storage.run('listener', () =>
      kq.on(() => resolve(storage.getStore()), { max: 1 }),
    );
  });
  kq.add({ filter: 'timer', id: 1, every: 1 });
  expect(await Promise.all([waiting, looping, listening])).toEqual([
    'waiter',
    'loop',
    'listener',
  ]);
});

test('a queue can watch a queue, and both can be awaited', async () => {
  using inner = new Kqueue();
  kq.add({ filter: 'read', fd: inner });
  inner.add({ filter: 'timer', id: 1, after: 5 });
  expect(await kq.next()).toMatchObject({
    filter: 'read',
    fd: inner.fd,
    available: 1,
  });
  expect(idOf(await inner.next())).toBe(1);
});

test('many queues can be awaited at once', async () => {
  const queues = Array.from({ length: 100 }, () => new Kqueue<number>());
  for (const [i, queue] of queues.entries()) {
    queue.add({ filter: 'timer', id: i, after: 1 + (i % 5), udata: i });
  }
  const events = await Promise.all(queues.map((queue) => queue.next()));
  expect(events.map((event) => event?.udata)).toEqual(queues.map((_, i) => i));
  for (const queue of queues) queue.close();
});
