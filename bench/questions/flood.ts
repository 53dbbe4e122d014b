/** How late a timer is while events come as fast as they are taken. */
import { Kqueue } from 'kqueue-ffi';
import { quantile } from '../measure.js';
import { valueRow } from '../report.js';
import { answer, task } from '../task.js';

const ROUNDS = task.quick ? 2 : 7;
const SECONDS = task.quick ? 0.5 : 2;
const PERIOD = 10;
const BATCH = 64;

const kq = new Kqueue();
for (let id = 0; id < BATCH; id++) {
  kq.add({ filter: 'user', id, clear: false });
  kq.trigger(id);
}

let events = 0;

async function iterate(signal: AbortSignal): Promise<void> {
  for await (const _ of kq) {
    events++;
    if (signal.aborted) break;
  }
}

function listen(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const subscription = kq.on((batch) => {
      events += batch.length;
      if (!signal.aborted) return;
      subscription.stop();
      resolve();
    });
  });
}

const idle = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });

/** The p99 of how many ms an interval was late, and events per second. */
async function watch(consume: (signal: AbortSignal) => Promise<void>) {
  const late: number[] = [];
  const controller = new AbortController();
  events = 0;
  let last = performance.now();
  const end = last + SECONDS * 1000;
  const start = last;
  const interval = setInterval(() => {
    const time = performance.now();
    late.push(Math.max(0, time - last - PERIOD));
    last = time;
    if (time > end) controller.abort();
  }, PERIOD);
  await consume(controller.signal);
  clearInterval(interval);
  const rate = events / ((performance.now() - start) / 1000);
  return { p99: quantile(late, 0.99), rate };
}

const ways = [
  { name: 'no events', consume: idle },
  { name: 'for await', consume: iterate },
  { name: 'on()', consume: listen },
].map((way) => ({ ...way, p99: [] as number[], rate: [] as number[] }));

for (let round = 0; round < ROUNDS; round++) {
  for (const way of ways) {
    const { p99, rate } = await watch(way.consume);
    way.p99.push(p99);
    way.rate.push(rate);
  }
}
kq.close();

const [none, ...floods] = ways;
answer({
  id: 'flood',
  title: 'How late a 10 ms interval is in a flood of events (p99)',
  rows: [
    ...floods.map(({ name, p99 }) =>
      valueRow(`flood taken by ${name}`, 'ms', p99, { most: 5 }),
    ),
    valueRow(none.name, 'ms', none.p99),
    ...floods.map(({ name, rate }) =>
      valueRow(`events taken by ${name}`, '1/s', rate),
    ),
  ],
  notes: [
    `64 user events that stay triggered; ${ROUNDS} rounds of ${SECONDS} s.`,
  ],
});
