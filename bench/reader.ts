/** Wait for time stamps on standard input in one of two ways: see latency.ts. */
import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { Kqueue } from 'kqueue-ffi';
import { quantile } from './measure.js';

const [name, from, to] = process.argv.slice(2);
const STAMP = 8;
const INPUT = 0;
const times: number[] = [];

function take(stamp: Buffer, at: bigint): void {
  times.push(Number(at - stamp.readBigInt64LE()) / 1000);
  if (times.length !== Number(to)) return;
  const some = times.slice(Number(from));
  const latency = { p50: quantile(some, 0.5), p99: quantile(some, 0.99) };
  process.stdout.write(JSON.stringify(latency), () => process.exit());
}

if (name === 'socket') {
  const socket = new Socket({ fd: INPUT, readable: true, writable: false });
  socket.on('data', (data) => {
    const at = process.hrtime.bigint();
    for (let i = 0; i < data.length; i += STAMP) {
      take(data.subarray(i, i + STAMP), at);
    }
  });
  socket.resume();
} else {
  const stamp = Buffer.alloc(STAMP);
  const kq = new Kqueue();
  kq.add({ filter: 'read', fd: INPUT });
  for await (const _ of kq) {
    const at = process.hrtime.bigint();
    readSync(INPUT, stamp);
    take(stamp, at);
  }
}
