/**
 * A readiness loop, as in the chapter on kqueue of any book on event loops:
 * five requests are under way at once, and one thread, blocked in one system
 * call, learns which of them has an answer to read.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readSync, writeSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  close,
  EV_ADD,
  EV_DELETE,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  KeventList,
  KqueueError,
  kernel,
  kevent,
  kqueue,
} from 'kqueue-ffi';
import { filterName, flagNames } from 'kqueue-ffi/abi';

/** How long the server thinks about the request of each connection, in ms. */
const DELAYS = [300, 100, 500, 200, 400];
const HEARTBEAT = { ident: 1, filter: EVFILT_TIMER };
const HEARTBEAT_MS = 50;
const GIVE_UP_MS = 10_000;

/** The other process: answers "<number> <delay>" once the delay is over. */
function serve(): void {
  const server = createServer((socket) => {
    socket.on('data', (request) => {
      const [number, delay] = request.toString().split(' ').map(Number);
      setTimeout(() => {
        socket.write(`answer ${number} after ${delay} ms`);
      }, delay);
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
  process.on('disconnect', () => process.exit());
}

/** Connect, and keep the event loop of Node.js from reading the data. */
async function connect(port: number): Promise<Socket> {
  const socket = new Socket();
  socket.pause();
  socket.connect(port, '127.0.0.1');
  await once(socket, 'connect', { signal: AbortSignal.timeout(GIVE_UP_MS) });
  return socket;
}

/** The descriptor that Node keeps to itself. */
function fdOf(socket: Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

/** Block until an event arrives, and continue after a signal. */
function wait(kq: number, events: KeventList): void {
  try {
    kevent(kq, null, events, 1000);
  } catch (error) {
    if (!(error instanceof KqueueError && error.code === 'EINTR')) throw error;
  }
}

async function main(): Promise<number> {
  const server = fork(fileURLToPath(import.meta.url), ['serve']);
  const [{ port }] = await once(server, 'message', {
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
  const sockets: Socket[] = [];
  for (const _ of DELAYS) sockets.push(await connect(port));
  const fds = sockets.map(fdOf);

  // What we are interested in: each connection once, and a heartbeat.
  const kq = kqueue();
  const changes = new KeventList(fds.length + 1);
  for (const [number, ident] of fds.entries()) {
    changes.push({
      ident,
      filter: EVFILT_READ,
      flags: EV_ADD | EV_ENABLE | EV_ONESHOT,
      udata: number,
    });
  }
  changes.push({ ...HEARTBEAT, flags: EV_ADD, data: HEARTBEAT_MS });
  kevent(kq, changes, null);
  console.log(`kqueue of ${kernel.name}: ${fds.length} requests under way`);

  const start = performance.now();
  const elapsed = () => Math.round(performance.now() - start);
  for (const [number, fd] of fds.entries()) {
    writeSync(fd, `${number} ${DELAYS[number]}`);
  }

  // The loop. It blocks the event loop of Node.js until it ends.
  const events = new KeventList(fds.length + 1);
  let pending = fds.length;
  while (pending > 0 && elapsed() < GIVE_UP_MS) {
    wait(kq, events);
    for (const event of events) {
      const name = filterName(kernel.abi, event.filter);
      const flags = flagNames(kernel.abi, event.flags).join('|');
      const what = `${String(elapsed()).padStart(5)} ms  ${name} ${flags}`;
      if (event.filter === EVFILT_TIMER) {
        console.log(`${what}  heartbeat`);
        continue;
      }
      const bytes = Buffer.alloc(Number(event.data));
      const length = readSync(Number(event.ident), bytes);
      const text = bytes.toString('utf8', 0, length);
      console.log(`${what}  connection ${event.udata}: "${text}"`);
      pending -= 1;
    }
  }

  kevent(kq, [{ ...HEARTBEAT, flags: EV_DELETE }], null);
  close(kq);
  for (const socket of sockets) socket.destroy();
  server.disconnect();
  if (pending > 0) {
    console.error(`gave up: ${pending} answers are missing`);
    return 1;
  }
  console.log(`all ${fds.length} answers after ${elapsed()} ms`);
  return 0;
}

if (process.argv[2] === 'serve') serve();
else process.exitCode = await main();
