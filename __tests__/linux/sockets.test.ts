// Sockets that Node itself made and watches: a queue sees what they see, and
// takes nothing from them.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  type AddressInfo,
  connect,
  createServer,
  type Server,
  type Socket,
} from 'node:net';
import { KeventList, kevent } from '../../src/index.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  EVFILT_READ,
  EVFILT_WRITE,
} from '../conformance/constants.js';
import { close, isolate, kqueue, path } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

isolate();

/** The descriptor that Node keeps to itself. */
function fdOf(socket: object): number {
  const { _handle: handle } = socket as { _handle: { fd: number } | null };
  if (handle === null) throw new Error('it is closed');
  return handle.fd;
}

const events = new KeventList(8);
const SOON = 5000;

const add = (kq: number, ident: number, filter: number, flags = EV_ADD) =>
  kevent(kq, [{ ident, filter, flags }], null);

/** Everything that Node put off, and nothing of its event loop. */
const nextTick = () =>
  new Promise<void>((resolve) => process.nextTick(resolve));

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** Close it when the test ends. */
function later(server: Server): Server {
  ended.push(() => {
    const closed = once(server, 'close');
    server.close();
    return closed;
  });
  return server;
}
function laterSocket(socket: Socket): Socket {
  ended.push(async () => {
    if (socket.closed) return;
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  });
  return socket;
}

/** Both ends of a connection as sockets of Node.js, not read yet. */
async function connection(place?: string): Promise<[Socket, Socket]> {
  const server = later(
    createServer({ pauseOnConnect: true, allowHalfOpen: true }),
  );
  server.listen(place ?? { host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  const client = laterSocket(
    connect(
      place === undefined ? { host: '127.0.0.1', port } : { path: place },
    ),
  );
  client.pause();
  await once(client, 'connect');
  const [peer] = (await accepted) as [Socket];
  return [client, laterSocket(peer)];
}

const KINDS: [string, () => string | undefined][] = [
  ['TCP', () => undefined],
  ['UNIX', () => path('socket')],
];

describe.each(KINDS)('%s sockets of Node.js', (_, place) => {
  onLinux(
    'are readable when bytes arrive, and Node.js still reads all of them',
    async () => {
      const [client, peer] = await connection(place());
      const kq = kqueue();
      add(kq, fdOf(peer), EVFILT_READ);
      expect(kevent(kq, null, events, 0)).toBe(0);
      client.write('hello');
      expect(kevent(kq, null, events, SOON)).toBe(1);
      expect([events.ident(0), events.data(0)]).toEqual([fdOf(peer), 5]);
      close(kq);
      const [chunk] = await once(peer.resume(), 'data');
      expect(String(chunk)).toBe('hello');
    },
  );

  onLinux('are writable until they are full', async () => {
    const [client, peer] = await connection(place());
    const kq = kqueue();
    add(kq, fdOf(client), EVFILT_WRITE);
    expect(kevent(kq, null, events, 0)).toBe(1);
    expect(events.data(0)).toBeGreaterThan(1000);
    const block = Buffer.alloc(1 << 20);
    // More than both buffers hold: the rest stays in Node.js.
    for (let i = 0; i < 64 && client.writableLength === 0; i++) {
      client.write(block);
    }
    expect(kevent(kq, null, events, 0)).toBe(0);
    let received = 0;
    const all = new Promise<void>((resolve) => {
      peer.on('data', (chunk) => {
        received += chunk.length;
        if (received === client.bytesWritten) resolve();
      });
    });
    peer.resume();
    await all;
    expect(kevent(kq, null, events, SOON)).toBe(1);
    close(kq);
  });

  onLinux('report EOF after the data once the peer has ended', async () => {
    const [client, peer] = await connection(place());
    const kq = kqueue();
    add(kq, fdOf(peer), EVFILT_READ);
    client.end('bye');
    await once(client, 'finish');
    expect(kevent(kq, null, events, SOON)).toBe(1);
    expect([events.data(0), events.flags(0) & EV_EOF]).toEqual([3, EV_EOF]);
    close(kq);
    const chunks: Buffer[] = [];
    for await (const chunk of peer) chunks.push(chunk);
    expect(String(Buffer.concat(chunks))).toBe('bye');
  });

  onLinux('report each arrival once with CLEAR', async () => {
    const [client, peer] = await connection(place());
    const kq = kqueue();
    add(kq, fdOf(peer), EVFILT_READ, EV_ADD | EV_CLEAR);
    for (const text of ['one', 'three', 'two']) {
      client.write(text);
      expect(kevent(kq, null, events, SOON)).toBe(1);
      expect(kevent(kq, null, events, 0)).toBe(0);
    }
    expect(events.capacity).toBe(8);
    close(kq);
  });

  onLinux('are dropped when Node.js destroys them', async () => {
    const [client, peer] = await connection(place());
    const kq = kqueue();
    add(kq, fdOf(peer), EVFILT_READ);
    client.write('never read');
    expect(kevent(kq, null, events, SOON)).toBe(1);
    const closed = once(peer, 'close');
    peer.destroy();
    await closed;
    expect(kevent(kq, null, events, 0)).toBe(0);
    close(kq);
  });

  onLinux(
    'that listen report pending connections, and Node.js still accepts them',
    async () => {
      const where = place();
      const server = later(createServer());
      server.listen(where ?? { host: '127.0.0.1', port: 0 });
      await once(server, 'listening');
      const kq = kqueue();
      add(kq, fdOf(server), EVFILT_READ);
      expect(kevent(kq, null, events, 0)).toBe(0);
      const { port } = server.address() as AddressInfo;
      const target =
        where === undefined ? { host: '127.0.0.1', port } : { path: where };
      const accepted: Promise<unknown>[] = [];
      const clients = [1, 2, 3].map(() => laterSocket(connect(target)));
      const all = new Promise<void>((resolve) => {
        server.on('connection', (socket) => {
          accepted.push(once(laterSocket(socket), 'close'));
          if (accepted.length === clients.length) resolve();
        });
      });
      // The system connects them, without Node's loop.
      await nextTick();
      expect(kevent(kq, null, events, SOON)).toBe(1);
      expect([events.ident(0), events.data(0)]).toEqual([fdOf(server), 3]);
      close(kq);
      await all;
      for (const client of clients) client.destroy();
      await Promise.all(accepted);
    },
  );
});

onLinux(
  'UDP sockets of Node.js are readable when a datagram arrives, and Node.js still gets it',
  async () => {
    const [a, b] = [createSocket('udp4'), createSocket('udp4')];
    b.bind(0, '127.0.0.1');
    await once(b, 'listening');
    // A datagram socket keeps its handle elsewhere.
    const state = Object.getOwnPropertySymbols(b)
      .map((key) => Reflect.get(b, key))
      .find((value) => value?.handle !== undefined);
    const kq = kqueue();
    add(kq, state.handle.fd, EVFILT_READ);
    a.connect(b.address().port, '127.0.0.1');
    await once(a, 'connect');
    const sent = new Promise((resolve) => a.send('ping', resolve));
    await nextTick();
    const received = once(b, 'message');
    expect(kevent(kq, null, events, SOON)).toBe(1);
    expect(events.data(0)).toBe(4);
    close(kq);
    const [message] = await received;
    expect(String(message)).toBe('ping');
    await sent;
    a.close();
    b.close();
    await once(b, 'close');
  },
);
