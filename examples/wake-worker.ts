/**
 * Waking a worker: a thread that sleeps in one system call until it is time,
 * or until the main thread wakes it. Each waker of the worker's queue has a
 * handle, which the worker sends to the main thread.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type WakerHandle, wake } from 'kqueue-ffi';

interface Handles {
  readonly check: WakerHandle;
  readonly quit: WakerHandle;
}

const worker = new Worker(new URL('wake-worker-sleeper.mjs', import.meta.url));
const [handles] = (await once(worker, 'message')) as [Handles];
let worked = 0;
worker.on('message', (message: string) => {
  if (message === 'time to work') {
    if (++worked === 1) wake(handles.check);
    if (worked === 3) wake(handles.quit);
  } else {
    console.log(message);
  }
});
await once(worker, 'exit');
console.log(`it worked ${worked >= 3 ? 'three times' : 'too little'}`);
console.log(`the worker can be woken: ${wake(handles.check)}`);
