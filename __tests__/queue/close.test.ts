import { AsyncLocalStorage } from 'node:async_hooks';
import { closeSync, openSync } from 'node:fs';
import {
  close,
  KeventList,
  Kqueue,
  KqueueError,
  kevent,
  kqueue,
} from '../../src/index.js';
import { dup } from '../conformance/libc.js';
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

const closed = expect.objectContaining({ code: 'ERR_KQUEUE_CLOSED' });

test('closing twice is a no-op', () => {
  const kq = new Kqueue();
  expect(kq.closed).toBe(false);
  kq.close();
  kq.close();
  expect(kq.closed).toBe(true);
  expect(() => kevent(kq.fd, null, null)).toThrow(
    expect.objectContaining({ code: 'EBADF' }),
  );
});

test('using and await using close', async () => {
  let first: Kqueue;
  {
    using kq = new Kqueue();
    first = kq;
  }
  expect(first.closed).toBe(true);
  {
    await using kq = new Kqueue();
    first = kq;
  }
  expect(first.closed).toBe(true);
});

test('closing twice does not close a later queue with the same fd', () => {
  const first = new Kqueue();
  first.close();
  const second = new Kqueue();
  expect(second.fd).toBe(first.fd);
  first.close();
  expect(second.poll()).toEqual([]);
  second.close();
});

test('pending next() calls resolve with undefined, loops end', async () => {
  const kq = new Kqueue();
  const seen: unknown[] = [];
  const loop = async () => {
    for await (const event of kq) seen.push(event);
    return 'ended';
  };
  const batches = async () => {
    for await (const events of kq.events()) seen.push(events);
    return 'ended';
  };
  const all = [kq.next(), kq.next({ timeout: 60_000 }), loop(), batches()];
  kq.on((events) => seen.push(events));
  kq.close();
  expect(await Promise.all(all)).toEqual([
    undefined,
    undefined,
    'ended',
    'ended',
  ]);
  expect(seen).toEqual([]);
});

test('use after close throws an error that says so', async () => {
  const kq = new Kqueue();
  kq.close();
  for (const use of [
    () => kq.add({ filter: 'user', id: 1 }),
    () => kq.apply([]),
    () => kq.trigger(1),
    () => kq.wait(),
    () => kq.poll(),
    () => kq.fill(new KeventList(1), 0),
    () => kq.events(),
    () => kq.on(() => {}),
    () => kq[Symbol.asyncIterator](),
  ]) {
    expect(use).toThrow(closed);
    expect(use).toThrow(KqueueError);
  }
  await expect(kq.next()).rejects.toEqual(closed);
  expect(() => kq.ref().unref()).not.toThrow();
});

test('the descriptor is closed only after the event loop has released it', async () => {
  for (let i = 0; i < 50; i++) {
    const kq = new Kqueue();
    const waiting = kq.next();
    kq.close();
    expect(await waiting).toBeUndefined();
  }
});

test('close() works after other code closed the descriptor', () => {
  const kq = new Kqueue();
  closeSync(kq.fd);
  expect(() => kq.poll()).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(() => kq.close()).not.toThrow();
});

onLinux(
  'a file that reuses the descriptor of a lost queue stays open',
  async () => {
    expect(await printedBy('queue/close', 'closedByHand')).toEqual([
      true,
      true,
    ]);
  },
);

test('a new queue that reuses the descriptor of a lost queue is independent', async () => {
  const lost = new Kqueue();
  lost.add({ filter: 'timer', id: 1, every: 1, udata: 'lost' });
  close(lost.fd);
  using kq = new Kqueue();
  expect(kq.fd).toBe(lost.fd);
  expect(lost.closed).toBe(true);
  lost.close();
  kq.add({ filter: 'timer', id: 1, after: 1, udata: 'mine' });
  expect(await kq.next()).toMatchObject({ udata: 'mine' });
});

describe('fromFd', () => {
  test('adopts a queue with its registrations', async () => {
    const { EVFILT_TIMER, EV_ADD } = await import('../../src/index.js');
    const fd = kqueue();
    const timer = { ident: 5, filter: EVFILT_TIMER, flags: EV_ADD, data: 1 };
    kevent(fd, [timer], null);
    // It is not taken for a duplicate of one that is open.
    using other = new Kqueue();
    const kq = Kqueue.fromFd<string>(fd);
    expect(kq.fd).toBe(fd);
    expect(await kq.next()).toMatchObject({ filter: 'timer', id: 5 });
    expect(other.closed).toBe(false);
    kq.close();
    expect(() => close(fd)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });

  test('rejects a descriptor that is not a queue, or belongs to another Kqueue', () => {
    expect(() => Kqueue.fromFd(0)).toThrow(
      expect.objectContaining({ code: 'EBADF' }),
    );
    expect(() => Kqueue.fromFd(Number.NaN)).toThrow(RangeError);
    expect(() => Kqueue.fromFd('x' as unknown as number)).toThrow(
      /^Cannot adopt a queue as 'fd' must be an integer from 0 to 2147483647: received "x"$/,
    );
    using kq = new Kqueue();
    expect(() => Kqueue.fromFd(kq.fd)).toThrow(
      /^Cannot adopt a queue as 'fd' must be/,
    );
  });

  onLinux('rejects a duplicate of a queue that another Kqueue owns', () => {
    using kq = new Kqueue();
    const fd = dup(kq.fd);
    expect(() => Kqueue.fromFd(fd)).toThrow(
      /^Cannot adopt a queue as 'fd' must be a queue that no other Kqueue owns/,
    );
    kq.add({ filter: 'user', id: 1 });
    // Once the other one is lost, nothing owns the queue.
    closeSync(kq.fd);
    using adopted = Kqueue.fromFd(fd);
    adopted.trigger(1);
    expect(adopted.poll()).toMatchObject([{ filter: 'user', id: 1 }]);
  });

  onLinux(
    'continues registrations of a lost Kqueue, without their value',
    () => {
      const former = new Kqueue<string>();
      const fd = dup(former.fd);
      former.add({ filter: 'timer', id: 1, after: 1, udata: 'former' });
      closeSync(former.fd);
      using adopted = Kqueue.fromFd<string>(fd);
      adopted.add({ filter: 'timer', id: 2, after: 50, udata: 'adopted' });
      const seen: unknown[] = [];
      for (let i = 0; i < 5 && seen.length < 2; i++) {
        for (const { raw, udata } of adopted.wait({ timeout: 5000 })) {
          seen.push([raw.ident, udata]);
        }
      }
      expect(seen).toEqual([
        [1, undefined],
        [2, 'adopted'],
      ]);
    },
  );

  test('adopts a queue that reuses the descriptor of a lost queue', async () => {
    const lost = new Kqueue();
    closeSync(lost.fd);
    const fd = kqueue();
    expect(fd).toBe(lost.fd);
    expect(lost.closed).toBe(true);
    using kq = Kqueue.fromFd(fd);
    kq.add({ filter: 'timer', id: 1, after: 1, udata: 'mine' });
    expect(await kq.next()).toMatchObject({ udata: 'mine' });
    lost.close();
  });
});

describe('a queue whose descriptor other code closed', () => {
  const lost = expect.objectContaining({ code: 'EBADF', errno: -9 });
  const DONE = { done: true, value: undefined };

  test.each([
    ['is taken by a new queue', () => new Kqueue()],
    ['is taken by a queue of kqueue()', () => Kqueue.fromFd(kqueue())],
  ])(
    'rejects pending waits once its descriptor %s, which stays open',
    async (_, take) => {
      const kq = new Kqueue();
      const loop = (async () => {
        for await (const _ of kq);
      })();
      const batches = kq.events();
      const idle = kq[Symbol.asyncIterator]();
      const waits = [kq.next(), kq.next({ timeout: 60_000 }), batches.next()];
      const results = Promise.allSettled([...waits, loop]);
      closeSync(kq.fd);
      using other = take();
      expect(other.fd).toBe(kq.fd);
      for (const result of await results) {
        expect(result).toEqual({ status: 'rejected', reason: lost });
      }
      expect(await batches.next()).toEqual(DONE);
      await expect(idle.next()).rejects.toEqual(lost);
      expect(await idle.next()).toEqual(DONE);
      await expect(kq.next()).rejects.toEqual(lost);
      expect(() => kq.poll()).toThrow(lost);
      expect(() => kq.add({ filter: 'user', id: 1 })).toThrow(lost);
      kq.close();
      expect(() => kq.poll()).toThrow(closed);
      other.add({ filter: 'timer', id: 1, after: 1 });
      expect(await other.next()).toMatchObject({ id: 1 });
    },
  );

  test.each(['nothing', '/dev/null'])(
    'rejects pending waits although %s reuses its descriptor',
    async (path) => {
      const kq = new Kqueue();
      const waits = Promise.allSettled([kq.next(), kq.events().next()]);
      await new Promise(setImmediate);
      closeSync(kq.fd);
      const file = path === 'nothing' ? undefined : openSync(path, 'r');
      for (const result of await waits) {
        expect(result).toEqual({
          status: 'rejected',
          reason: expect.objectContaining({ code: 'EBADF' }),
        });
      }
      kq.close();
      if (file === undefined) return;
      expect(file).toBe(kq.fd);
      closeSync(file);
    },
  );

  test('stops listeners, and calls onError once', async () => {
    const kq = new Kqueue();
    const context = new AsyncLocalStorage<string>();
    const calls: unknown[] = [];
    const idle = kq.on(() => {}, { onError: (error) => calls.push(error) });
    idle.stop();
    const failed = new Promise<void>((resolve) => {
      const onError = (error: Error): void => {
        calls.push(error, context.getStore());
        kq.close();
        resolve();
      };
      context.run('mine', () => kq.on(() => calls.push('event'), { onError }));
    });
    await new Promise(setImmediate);
    closeSync(kq.fd);
    await failed;
    await new Promise(setImmediate);
    expect(calls).toEqual([lost, 'mine']);
  });

  test('calls onError after the call that noticed the loss', async () => {
    const kq = new Kqueue();
    const calls: string[] = [];
    kq.on(() => {}, { onError: () => calls.push('onError') });
    closeSync(kq.fd);
    expect(() => kq.poll()).toThrow(lost);
    calls.push('poll');
    await new Promise(setImmediate);
    expect(calls).toEqual(['poll', 'onError']);
    kq.close();
  });

  test('close() resolves its pending waits', async () => {
    const kq = new Kqueue();
    const waiting = kq.next();
    closeSync(kq.fd);
    kq.close();
    expect(await waiting).toBeUndefined();
  });
});
