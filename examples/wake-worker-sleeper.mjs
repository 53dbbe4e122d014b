/**
 * The thread of `wake-worker.ts`. Its event loop stands still while it sleeps,
 * and it needs none. (It is no `.ts` file as not every loader of those reaches
 * into worker threads.)
 */
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Kqueue } from 'kqueue-ffi';

const fd = workerData;
const kq = new Kqueue();
kq.add({ filter: 'read', fd }, { filter: 'timer', id: 1, every: 30 });

const byte = Buffer.alloc(1);
for (let sleeping = true; sleeping; ) {
  for (const event of kq.wait({ timeout: 10_000 })) {
    if (event.filter === 'timer') {
      parentPort?.postMessage('time to work');
    } else {
      readSync(fd, byte);
      parentPort?.postMessage(`woken with "${byte}"`);
      if (byte.toString() === 'q') sleeping = false;
    }
  }
}
kq.close();
