/**
 * Waking a worker: a thread that sleeps in one system call until it is time,
 * or until the main thread wakes it. What wakes it is a byte on a socket; the
 * two ends are in different threads of the same process.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** Two connected sockets. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const { port } = server.address() as { port: number };
  const near = connect(port, '127.0.0.1');
  await once(near, 'connect');
  const [far] = (await accepted) as [Socket];
  server.close();
  return [near, far];
}

const [near, far] = await socketPair();
// The worker reads from the descriptor; this thread must keep its socket.
const { fd } = (far as unknown as { _handle: { fd: number } })._handle;
const worker = new Worker(new URL('wake-worker-sleeper.mjs', import.meta.url), {
  workerData: fd,
});
let worked = 0;
worker.on('message', (message: string) => {
  if (message === 'time to work') {
    if (++worked === 1) near.write('a');
    if (worked === 3) near.write('q');
  } else {
    console.log(message);
  }
});
await once(worker, 'exit');
console.log(`it worked ${worked >= 3 ? 'three times' : 'too little'}`);
near.destroy();
far.destroy();
