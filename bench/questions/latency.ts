/** How long an event takes from another process to a callback. */
import { readSync, writeSync } from 'node:fs';
import { Kqueue, kernel } from 'kqueue-ffi';
import { AT_ONCE, fdOf, LATER, openLanes, STAMP } from '../lanes.js';
import { quantile, ratios } from '../measure.js';
import { ratioRow, valueRow } from '../report.js';
import { answer, task } from '../task.js';

const ROUNDS = task.quick ? 5 : 25;
const TRIPS = task.quick ? 50 : 200;
const WARM = task.quick ? 1_000 : 10_000;

const now = (): bigint => process.hrtime.bigint();
const lanes = await openLanes();
/** What is sent to have a stamp sent back. */
let request = AT_ONCE;

/** One event: microseconds from its sending. */
type Trip = () => Promise<number>;

const since = (stamp: Buffer, at: bigint): number =>
  Number(at - stamp.readBigInt64LE()) / 1000;

const flowing = await lanes.open(false);
let arrived: (us: number) => void = () => {};
flowing.on('data', (stamp) => arrived(since(stamp, now())));
const bySocket: Trip = () =>
  new Promise((resolve) => {
    arrived = resolve;
    flowing.write(request);
  });

/** A socket that Node leaves alone, and the queue that watches it. */
async function watched() {
  const socket = await lanes.open(true);
  const fd = fdOf(socket);
  const kq = new Kqueue();
  kq.add({ filter: 'read', fd });
  const stamp = Buffer.alloc(STAMP);
  return {
    kq,
    send: () => writeSync(fd, request),
    read: () => {
      readSync(fd, stamp);
      return stamp;
    },
    close: () => {
      kq.close();
      socket.destroy();
    },
  };
}

const listening = await watched();
/** To the callback, and to the data being in hand. */
interface Told {
  readonly callback: number;
  readonly data: number;
}
let told: (us: Told) => void = () => {};
const byCallback = (): Promise<Told> =>
  new Promise((resolve) => {
    told = resolve;
    listening.send();
  });
listening.kq.on(() => {
  const at = now();
  const stamp = listening.read();
  told({ callback: since(stamp, at), data: since(stamp, now()) });
});

const iterated = await watched();
const iterator = iterated.kq[Symbol.asyncIterator]();
const byIterator: Trip = async () => {
  const next = iterator.next();
  iterated.send();
  await next;
  const at = now();
  return since(iterated.read(), at);
};

const names = ['socket', 'callback', 'data', 'iterator'] as const;
type Name = (typeof names)[number];
type Times = Record<Name, number[]>;
const noTimes = (): Times => ({
  socket: [],
  callback: [],
  data: [],
  iterator: [],
});

/** Turn by turn, so that what disturbs one disturbs all. */
async function take(trips: number): Promise<Times> {
  const times = noTimes();
  for (let trip = 0; trip < trips; trip++) {
    times.socket.push(await bySocket());
    const both = await byCallback();
    times.callback.push(both.callback);
    times.data.push(both.data);
    times.iterator.push(await byIterator());
  }
  return times;
}

await take(WARM);
request = LATER;
const p50 = noTimes();
const p99 = noTimes();
for (let round = 0; round < ROUNDS; round++) {
  const times = await take(TRIPS);
  for (const name of names) {
    p50[name].push(quantile(times[name], 0.5));
    p99[name].push(quantile(times[name], 0.99));
  }
}

const compared = (
  title: string,
  name: Name,
  from: Times,
  goal?: { most: number },
) =>
  ratioRow(
    title,
    'µs',
    from[name],
    'net.Socket',
    ratios(from[name], from.socket),
    goal,
  );

const goal = { most: 0.85 };
const rows = [
  compared('Kqueue, on(): p50', 'callback', p50, goal),
  compared('  and the data read: p50', 'data', p50),
  compared('Kqueue, for await: p50', 'iterator', p50),
  valueRow('net.Socket, data: p50', 'µs', p50.socket),
  compared('Kqueue, on(): p99', 'callback', p99),
  valueRow('net.Socket, data: p99', 'µs', p99.socket),
];
const { driver } = listening.kq;
listening.close();
iterated.close();
flowing.destroy();
lanes.close();

answer({
  id: 'latency',
  title: 'From another process to a callback',
  rows,
  notes: [
    `${kernel.name}, woken by ${driver}. Sent over TCP by another process while this one sleeps; ${ROUNDS} rounds of ${TRIPS}.`,
  ],
});
