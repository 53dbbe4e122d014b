/**
 * How long a wake takes from one thread to the code that waits in another. Wakes
 * are more than a millisecond apart, so each finds a thread that sleeps.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Kqueue, kernel, type WakerHandle, wake } from 'kqueue-ffi';
import { quantile } from '../measure.js';
import { type Goal, type Row, valueRow } from '../report.js';
import { answer, task } from '../task.js';

const COUNT = task.quick ? 200 : 1000;
const ROUNDS = task.quick ? 3 : 9;
const WARM_UP = 50;
const PAUSE = 1.3;

type Role = 'send' | 'block' | 'await' | 'message';

/** First the time of each wake, then how long it took: nanoseconds. */
const newStamps = (): BigInt64Array =>
  new BigInt64Array(new SharedArrayBuffer(2 * COUNT * 8));

/** How many wakes the other thread has seen. */
const newCounter = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

function start(role: Role, data: object): Worker {
  const file = new URL('../wake-worker.mjs', import.meta.url);
  const workerData = { role, count: COUNT, pause: PAUSE, ...data };
  return new Worker(file, { workerData });
}

/** The median of one round, in microseconds. */
const medianOf = (stamps: BigInt64Array): number =>
  quantile(
    [...stamps.subarray(COUNT + WARM_UP)].map((ns) => Number(ns) / 1000),
    0.5,
  );

async function sendTo(role: Exclude<Role, 'send'>): Promise<number> {
  const stamps = newStamps();
  const seen = newCounter();
  const worker = start(role, { stamps, seen });
  const [handle] = (await once(worker, 'message')) as [WakerHandle];
  const ended = once(worker, 'exit');
  for (let i = 0; i < COUNT; i++) {
    // Two wakes before a poll are one event.
    do await sleep(PAUSE);
    while (Atomics.load(seen, 0) < i);
    stamps[i] = process.hrtime.bigint();
    if (role === 'message') worker.postMessage(i);
    else wake(handle);
  }
  await ended;
  return medianOf(stamps);
}

async function receive(): Promise<number> {
  const stamps = newStamps();
  using kq = new Kqueue();
  using waker = kq.waker();
  const seen = newCounter();
  const worker = start('send', { stamps, seen, handle: waker.handle });
  const ended = once(worker, 'exit');
  for (let i = 0; i < COUNT; i++) {
    await kq.next();
    stamps[COUNT + i] = process.hrtime.bigint() - stamps[i];
    Atomics.store(seen, 0, i + 1);
  }
  await ended;
  return medianOf(stamps);
}

async function rounds(
  name: string,
  measure: () => Promise<number>,
  goal?: Goal,
): Promise<Row> {
  const medians: number[] = [];
  for (let i = 0; i < ROUNDS; i++) medians.push(await measure());
  return valueRow(name, 'µs', medians, goal);
}

const rows = [
  await rounds(
    'wake a worker that blocks in wait(): p50',
    () => sendTo('block'),
    { most: 100 },
  ),
  await rounds('wake the main thread, which awaits next(): p50', receive),
  await rounds('wake a worker that awaits next(): p50', () => sendTo('await'), {
    most: 1000,
  }),
  await rounds('  postMessage to a worker: p50', () => sendTo('message')),
];

answer({
  id: 'wake',
  title: 'From wake() to the code that waits in another thread',
  rows,
  notes: [
    `${kernel.name}. ${COUNT - WARM_UP} wakes a round, ${PAUSE} ms apart. A worker polls its queues for next() every 1 to 8 ms.`,
  ],
});
