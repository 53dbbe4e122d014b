/**
 * The thread of `wake-worker.ts`. Its event loop stands still while it sleeps,
 * and it needs none. (It is no `.ts` file as not every loader of those reaches
 * into worker threads.)
 */
import { parentPort } from 'node:worker_threads';
import { Kqueue } from 'kqueue-ffi';

const kq = new Kqueue();
kq.add({ filter: 'timer', id: 1, every: 30, udata: 'time to work' });
const look = kq.waker(2, 'woken to look');
const quit = kq.waker(3, 'woken to quit');
parentPort?.postMessage({ look: look.handle, quit: quit.handle });

for (let sleeping = true; sleeping; ) {
  for (const { udata } of kq.wait({ timeout: 10_000 })) {
    parentPort?.postMessage(udata);
    if (udata === 'woken to quit') sleeping = false;
  }
}
kq.close();
