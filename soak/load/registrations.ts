import { Kqueue } from 'kqueue-ffi';
import { bounded, type Load, perSecond, timed } from './load.js';

const since = (start: number): number => (performance.now() - start) / 1000;

/** Registrations that are all triggered and collected. */
export const knotes: Load = {
  name: 'user registrations, all triggered',
  full: 100_000,
  small: 5000,
  async run(count) {
    using kq = new Kqueue<number>();
    const { rss } = process.memoryUsage();
    let start = performance.now();
    for (let id = 0; id < count; id++) {
      kq.add({ filter: 'user', id, udata: id });
    }
    const added = since(start);
    const bytes = (process.memoryUsage().rss - rss) / count;
    start = performance.now();
    for (let id = 0; id < count; id++) kq.trigger(id);
    const triggered = since(start);
    const counts = new Uint8Array(count);
    let seen = 0;
    const measured = await timed(async () => {
      const all = new Promise<void>((resolve) => {
        kq.on((events) => {
          for (const event of events) {
            if (event.filter === 'user' && event.id === event.udata) {
              if (counts[event.udata]++ === 0) seen++;
              else seen = Number.NEGATIVE_INFINITY;
            }
          }
          if (seen === count) resolve();
        });
      });
      await bounded(all);
    });
    start = performance.now();
    for (let id = 0; id < count; id++) kq.delete({ filter: 'user', id });
    return {
      count,
      seen,
      ...measured,
      notes: [
        `${perSecond(count, added)} added, ${perSecond(count, triggered)} triggered, ${perSecond(count, since(start))} deleted per second`,
        `${Math.round(bytes)} bytes of memory each`,
      ],
    };
  },
};

/** The number of changes per call. */
const BATCH = 1000;

/** One-shot timers that all fire within a second. */
export const timers: Load = {
  name: 'timers within a second',
  full: 100_000,
  small: 5000,
  async run(count) {
    using kq = new Kqueue<number>();
    const counts = new Uint8Array(count);
    let seen = 0;
    let added = 0;
    const measured = await timed(async () => {
      const all = new Promise<void>((resolve) => {
        kq.on((events) => {
          for (const { udata } of events) {
            if (counts[udata]++ === 0) seen++;
            else seen = Number.NEGATIVE_INFINITY;
          }
          if (seen === count) resolve();
        });
      });
      const start = performance.now();
      for (let first = 0; first < count; first += BATCH) {
        const batch = Array.from({ length: BATCH }, (_, i) => first + i);
        kq.add(
          ...batch.map((id) => {
            const after = (id * 7919) % 1000;
            return { filter: 'timer', id, after, udata: id } as const;
          }),
        );
        await new Promise(setImmediate);
      }
      added = since(start);
      await bounded(all);
    });
    return {
      count,
      seen: kq.size === 0 ? seen : -kq.size,
      ...measured,
      notes: [`${perSecond(count, added)} added per second`],
    };
  },
};

const IDS = 1000;

/** Rounds of a thousand triggers that are all reported. */
export const triggers: Load = {
  name: 'user triggers',
  full: 1_000_000,
  small: 50_000,
  async run(count) {
    using kq = new Kqueue();
    for (let id = 0; id < IDS; id++) kq.add({ filter: 'user', id });
    let seen = 0;
    const measured = await timed(async () => {
      for (let round = 0; round < count / IDS; round++) {
        for (let id = 0; id < IDS; id++) kq.trigger(id, round & 0xffff);
        for (const event of kq.poll({ max: IDS })) {
          if (event.filter !== 'user') continue;
          if (event.fflags === (round & 0xffff)) seen++;
        }
        if (round % 16 === 0) await new Promise(setImmediate);
      }
    });
    return {
      count,
      seen,
      ...measured,
      notes: [`${perSecond(count, measured.seconds)} per second, seen as well`],
    };
  },
};
