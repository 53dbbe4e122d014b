/**
 * The worker of `wake-worker.ts`. It blocks in a system call and does not need
 * its event loop. (It is not a `.ts` file because not every TypeScript loader
 * works in worker threads.)
 */
import { parentPort } from 'node:worker_threads';
import { Kqueue } from 'kqueue-ffi';

const kq = new Kqueue();
kq.add({ filter: 'timer', id: 1, every: 30, udata: 'time to work' });
const check = kq.waker(2, 'woken to check');
const quit = kq.waker(3, 'woken to quit');
parentPort?.postMessage({ check: check.handle, quit: quit.handle });

for (let sleeping = true; sleeping; ) {
  for (const { udata } of kq.wait({ timeout: 10_000 })) {
    parentPort?.postMessage(udata);
    if (udata === 'woken to quit') sleeping = false;
  }
}
kq.close();
