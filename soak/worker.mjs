/**
 * A thread with its own queues. Its data says how it ends. It is no `.ts` file,
 * because some loaders of those do not work in worker threads.
 */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { close, Kqueue } from 'kqueue-ffi';

const { end, fifo, bytes, us } = workerData;
const started = performance.now();
const kq = new Kqueue();
const extra = Array.from({ length: workerData.extra }, () => new Kqueue());
const fd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
const buffer = Buffer.alloc(65_536);
let seen = 0;
let expirations = 0;
let triggers = 0;
let triggered = 0;

kq.add(
  { filter: 'timer', id: 1, every: { us } },
  { filter: 'user', id: 1 },
  { filter: 'read', fd },
);
for (const other of extra) {
  other.add({ filter: 'timer', id: 1, every: 1 }, { filter: 'user', id: 1 });
  other.on(() => {});
}

const take = (event) => {
  if (event.filter === 'timer') {
    expirations += event.count;
    if (triggered === triggers) kq.trigger(1, ++triggers);
  } else if (event.filter === 'user') {
    triggered = event.fflags;
  } else if (event.filter === 'read' && event.available > 0) {
    seen += readSync(fd, buffer);
  }
};

const finish = () => {
  const due = Math.floor(((performance.now() - started) * 1000) / us) + 1;
  for (const queue of [kq, ...extra]) queue.close();
  if (bytes % 2 === 0) close(fd);
  else closeSync(fd);
  parentPort.postMessage({ seen, expirations, due });
};

parentPort.postMessage('ready');
if (end === 'blocked') {
  // Until it is terminated.
  kq.disable({ filter: 'timer', id: 1 });
  for (;;) for (const event of kq.wait()) take(event);
} else if (workerData.blocks) {
  while (seen < bytes)
    for (const event of kq.wait({ timeout: 50 })) take(event);
  finish();
} else {
  kq.on((events) => {
    for (const event of events) take(event);
    if (seen < bytes || kq.closed) return;
    if (end === 'exit') process.exit(3);
    // No wait is left, and no queue is closed.
    if (end === 'leave') for (const queue of [kq, ...extra]) queue.unref();
    else finish();
  });
}
