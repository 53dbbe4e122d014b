/** A thread of questions/wake.ts: it waits for wakes, or sends them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Kqueue, wake } from 'kqueue-ffi';

const { role, count, pause, stamps, seen } = workerData;
const port = parentPort;
const done = (i) => {
  const [sent, received] = [stamps, stamps.subarray(count)];
  received[i] = process.hrtime.bigint() - sent[i];
  Atomics.store(seen, 0, i + 1);
};

if (role === 'send') {
  const { handle } = workerData;
  for (let i = 0; i < count; i++) {
    // Two wakes before a poll are one event.
    do await sleep(pause);
    while (Atomics.load(seen, 0) < i);
    stamps[i] = process.hrtime.bigint();
    wake(handle);
  }
} else if (role === 'message') {
  let i = 0;
  port.on('message', () => {
    done(i);
    if (++i === count) port.close();
  });
  port.postMessage('ready');
} else {
  using(new Kqueue(), async (kq) => {
    const waker = kq.waker();
    port.postMessage(waker.handle);
    for (let i = 0; i < count; i++) {
      if (role === 'block') kq.wait();
      else await kq.next();
      done(i);
    }
  });
}

async function using(kq, act) {
  try {
    await act(kq);
  } finally {
    kq.close();
  }
}
