import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Kqueue } from 'kqueue-ffi';
import { bounded, type Load, timed } from './load.js';

const fdOf = (socket: Socket): number =>
  (socket as unknown as { _handle: { fd: number } })._handle.fd;

const clients = fileURLToPath(new URL('clients.mjs', import.meta.url));

/** Connections that all become readable at the same time. */
export const connections: Load = {
  name: 'connections readable at once',
  full: 10_000,
  small: 500,
  async run(count) {
    const sockets: Socket[] = [];
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => {});
      sockets.push(socket);
    });
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const child = fork(clients, [String(port), String(count)], {
      execArgv: [],
    });
    await once(child, 'message');
    while (sockets.length < count) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }

    using kq = new Kqueue<Socket>();
    const started = performance.now();
    const fds = new Map(sockets.map((socket) => [fdOf(socket), socket]));
    for (const [fd, udata] of fds) kq.add({ filter: 'read', fd, udata });
    const adding = (performance.now() - started) / count;
    child.send('go');
    await once(child, 'message');

    const buffer = Buffer.alloc(16);
    let seen = 0;
    let wrong = 0;
    const measured = await timed(async () => {
      const all = new Promise<void>((resolve) => {
        kq.on((events) => {
          for (const event of events) {
            if (event.filter !== 'read') continue;
            if (event.available !== 1 || fds.get(event.fd) !== event.udata) {
              wrong++;
            }
            seen += readSync(event.fd, buffer);
          }
          if (seen === count) resolve();
        });
      });
      await bounded(all);
    });
    for (const socket of sockets) socket.destroy();
    child.disconnect();
    server.close();
    await once(child, 'exit');
    return {
      count,
      seen: seen - wrong,
      ...measured,
      notes: [`${(adding * 1000).toFixed(1)} us to add one`],
    };
  },
};
