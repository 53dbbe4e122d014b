// Timers and clocks are those of the time when the library was loaded, so a
// test runner that puts fake ones in their place stops nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { exited, interval, Kqueue } from '../../src/index.js';
import { printedBy } from '../support/child.js';

/** More than the pump collects in one turn of the event loop. */
const MANY = 500;

describe('with fake timers of Jest', () => {
  let kq: Kqueue;

  beforeEach(() => {
    jest.useFakeTimers();
    kq = new Kqueue();
  });

  afterEach(() => {
    kq.close();
    jest.useRealTimers();
  });

  /** A user event that is ready as long as it is there. */
  const storm = (): void => {
    kq.add({ filter: 'user', id: 1, clear: false });
    kq.trigger(1);
  };

  test('next() resolves with an event, and at its timeout', async () => {
    kq.add({ filter: 'timer', id: 1, after: 5 });
    expect(await kq.next()).toMatchObject({ id: 1 });
    expect(await kq.next({ timeout: 0 })).toBeUndefined();
    expect(await kq.next({ timeout: 5 })).toBeUndefined();
  });

  test('advancing fake time does not end a wait', async () => {
    const waiting = kq.next({ timeout: 60_000 });
    jest.advanceTimersByTime(120_000);
    kq.add({ filter: 'user', id: 1 });
    kq.trigger(1);
    expect(await waiting).toMatchObject({ id: 1 });
  });

  test('many events are delivered one by one', async () => {
    storm();
    let count = 0;
    for await (const _ of kq) if (++count === MANY) break;
    for (; count < 2 * MANY; count++) await kq.next();
    expect(count).toBe(2 * MANY);
  });

  test('many events are delivered to a listener', async () => {
    storm();
    let count = 0;
    await new Promise<void>((resolve) => {
      const subscription = kq.on(() => {
        if (++count < MANY) return;
        subscription.stop();
        resolve();
      });
    });
    expect(count).toBe(MANY);
  });

  test('wait() ends when its time runs out', () => {
    expect(kq.wait({ timeout: 5 })).toEqual([]);
  });

  test('the helpers continue', async () => {
    using ticks = interval(1);
    expect((await ticks.next()).value?.count).toBeGreaterThanOrEqual(1);
    const child = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
    const { pid = 0 } = child;
    const ended = once(child, 'exit');
    try {
      await expect(exited(pid, { timeout: 5 })).rejects.toMatchObject({
        code: 'ETIMEDOUT',
      });
      child.stdin.end();
      expect(await exited(pid)).toEqual({ code: 0, signal: null });
    } finally {
      child.kill();
      await ended;
    }
  });
});

test.each(['mainThread', 'worker'])(
  'works although globals are replaced later: %s',
  async (program) => {
    expect(await printedBy('queue/fake-timers', program)).toEqual([
      500,
      'timed out',
      'tick',
    ]);
  },
);
