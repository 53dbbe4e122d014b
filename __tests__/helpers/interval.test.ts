import { setTimeout as sleep } from 'node:timers/promises';
import { interval } from '../../src/index.js';

const block = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

describe('interval', () => {
  test('counts every period, also those without a pending next()', async () => {
    const start = performance.now();
    let before = 0;
    for await (const { count, missed } of interval(10)) {
      expect(count - before).toBe(missed + 1);
      expect(performance.now() - start).toBeGreaterThanOrEqual(count * 10 - 1);
      before = count;
      if (count >= 10) break;
    }
  });

  test('reports to a slow consumer how many ticks it has missed', async () => {
    using ticks = interval(5);
    block(100);
    const first = (await ticks.next()).value;
    expect(first?.count).toBeGreaterThanOrEqual(19);
    expect(first?.missed).toBe((first?.count ?? 0) - 1);
    const second = (await ticks.next()).value;
    expect(second?.count).toBeGreaterThan(first?.count ?? 0);
  });

  test('does not drift, however late each tick is consumed', async () => {
    const start = performance.now();
    for await (const { count } of interval({ ms: 20 })) {
      // Half a period late each time: a chain of timeouts would be late by 200.
      await sleep(10);
      if (count < 20) continue;
      const late = performance.now() - start - count * 20;
      expect(late).toBeGreaterThanOrEqual(-1);
      expect(late).toBeLessThan(150);
      break;
    }
  });

  test('accepts fractions of a millisecond', async () => {
    for (const every of [{ us: 500 }, 0.5]) {
      const start = performance.now();
      let perMs = 0;
      for await (const { count } of interval(every)) {
        const elapsed = performance.now() - start;
        expect(elapsed).toBeGreaterThanOrEqual(count * 0.5 - 0.1);
        perMs = count / elapsed;
        // The process may have been suspended since the event was collected.
        if (elapsed >= 50 && perMs > 1.2) break;
        if (elapsed >= 5000) break;
      }
      // Rounded up to a millisecond, there would be at most one.
      expect(perMs).toBeGreaterThan(1.2);
    }
  });

  test('runs side by side with others', async () => {
    const counts = await Promise.all(
      [7, 11, 13].map(async (ms) => {
        for await (const { count } of interval(ms)) if (count >= 3) return ms;
        return 0;
      }),
    );
    expect(counts).toEqual([7, 11, 13]);
  });

  test.each<[unknown, ErrorConstructor]>([
    [0, RangeError],
    [-1, RangeError],
    [Number.NaN, RangeError],
    [Number.POSITIVE_INFINITY, RangeError],
    ['10', TypeError],
    [undefined, TypeError],
    [null, TypeError],
    [{}, TypeError],
    [{ ms: '5' }, TypeError],
    [{ ms: null }, TypeError],
    [{ s: undefined, ms: 0 }, RangeError],
    [{ ms: Number.NaN }, RangeError],
    [1e300, RangeError],
    [{ us: 2n ** 63n + 1n }, RangeError],
  ])('rejects a period of %p, even if aborted', (every, kind) => {
    const signal = AbortSignal.abort();
    for (const options of [{}, { signal }]) {
      const act = () => interval(every as number, options).close();
      expect(act).toThrow(kind);
      expect(act).toThrow(/^Cannot make an interval as 'every/);
    }
  });
});
