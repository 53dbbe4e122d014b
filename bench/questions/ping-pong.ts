/** One event at a time: caused, awaited, and again. */
import { once } from 'node:events';
import { readSync, writeSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { Kqueue } from 'kqueue-ffi';
import { fdOf } from '../fd-of.js';
import { measure, ratios, type Way } from '../measure.js';
import { ratioRow, valueRow } from '../report.js';
import { answer, task } from '../task.js';

const byte = Buffer.from('x');

/** Two connected sockets of this process. */
async function pair(paused: boolean): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: paused });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const near = connect(port, '127.0.0.1');
  if (paused) near.pause();
  const [[far]] = await Promise.all([
    once(server, 'connection') as Promise<[Socket]>,
    once(near, 'connect'),
  ]);
  server.close();
  for (const socket of [near, far]) socket.setNoDelay(true);
  return [near, far];
}

const asynchronous = (
  name: string,
  run: (n: number) => Promise<void>,
): Way => ({
  name,
  async time(n) {
    const start = performance.now();
    await run(n);
    return (performance.now() - start) * 1e6;
  },
});

const [near, far] = await pair(false);
const bySocket = asynchronous(
  'net.Socket, write and data',
  (n) =>
    new Promise((resolve) => {
      let left = n;
      const back = (): void => {
        if (--left > 0) {
          near.write(byte);
          return;
        }
        far.off('data', back);
        resolve();
      };
      far.on('data', back);
      near.write(byte);
    }),
);

const users = new Kqueue();
users.add({ filter: 'user', id: 1 });
const byUser = asynchronous('Kqueue, trigger and for await', async (n) => {
  let left = n;
  users.trigger(1);
  for await (const _ of users) {
    if (--left === 0) break;
    users.trigger(1);
  }
});

const [from, to] = await pair(true);
const into = Buffer.alloc(16);
const readers = new Kqueue();
const fd = fdOf(to);
readers.add({ filter: 'read', fd });
const byBytes = asynchronous('Kqueue, bytes and for await', async (n) => {
  let left = n;
  const source = fdOf(from);
  writeSync(source, byte);
  for await (const _ of readers) {
    readSync(fd, into);
    if (--left === 0) break;
    writeSync(source, byte);
  }
});

const times = await measure(
  { socket: bySocket, user: byUser, bytes: byBytes },
  task,
);
const than = 'faster than net.Socket';
const rows = [
  ratioRow(
    byUser.name,
    'ns',
    times.user,
    than,
    ratios(times.socket, times.user),
    {
      least: 3.5,
    },
  ),
  ratioRow(
    byBytes.name,
    'ns',
    times.bytes,
    than,
    ratios(times.socket, times.bytes),
  ),
  valueRow(`  ${bySocket.name}`, 'ns', times.socket),
];
users.close();
readers.close();
for (const socket of [near, far, from, to]) socket.destroy();

answer({
  id: 'ping-pong',
  title: 'Ping-pong: an event is caused, awaited, and caused again',
  rows,
  notes: [
    'Within one process. Bytes go through the same kind of TCP connection as those of net.Socket.',
  ],
});
