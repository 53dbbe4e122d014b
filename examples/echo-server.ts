/**
 * An echo server on raw descriptors. Node.js accepts the connections and does
 * not read from them. The queue reports when one is readable or writable, and
 * the bytes go through two system calls, without a stream. With a port it
 * serves until Ctrl-C; without one it tests itself and exits.
 */
import { once } from 'node:events';
import { readSync, writeSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { Kqueue } from 'kqueue-ffi';

/** What belongs to one connection: it comes back with each of its events. */
interface Connection {
  readonly socket: Socket;
  /** Read, and not yet written: while there is some, no more is read. */
  waiting: Buffer;
}

const kq = new Kqueue<Connection>();
const block = Buffer.alloc(65536);

const server = createServer({ pauseOnConnect: true }, (socket) => {
  kq.add({
    filter: 'read',
    fd: socket,
    udata: { socket, waiting: Buffer.alloc(0) },
  });
});

function drop(fd: number, { socket, waiting }: Connection): void {
  kq.delete({ filter: 'read', fd });
  if (waiting.length > 0) kq.delete({ filter: 'write', fd });
  socket.destroy();
}

/** Read all available bytes and send them back, as far as possible. */
function echo(fd: number, connection: Connection): void {
  const bytes = block.subarray(0, readSync(fd, block));
  const rest = bytes.subarray(write(fd, bytes));
  if (rest.length === 0) return;
  connection.waiting = Buffer.from(rest);
  kq.disable({ filter: 'read', fd });
  kq.add({ filter: 'write', fd, udata: connection });
}

/** There is space again. */
function flush(fd: number, connection: Connection): void {
  const { waiting } = connection;
  connection.waiting = waiting.subarray(write(fd, waiting));
  if (connection.waiting.length > 0) return;
  kq.delete({ filter: 'write', fd });
  kq.enable({ filter: 'read', fd });
}

/** Write what fits without waiting: how much that was. */
function write(fd: number, bytes: Buffer): number {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}

async function serve(): Promise<void> {
  for await (const event of kq) {
    const { udata } = event;
    try {
      if (event.filter === 'write') flush(event.fd, udata);
      if (event.filter !== 'read') continue;
      if (event.available > 0) echo(event.fd, udata);
      else if (event.eof) drop(event.fd, udata);
    } catch {
      // The peer has closed the connection.
      if ('fd' in event) drop(event.fd, udata);
    }
  }
}

/** A client: send some bytes and count those that come back. */
async function client(port: number, bytes: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  let received = 0;
  socket.on('data', (data) => {
    received += data.length;
    if (received === bytes) socket.end();
  });
  socket.write(Buffer.alloc(bytes, 'x'));
  await once(socket, 'close');
  return received;
}

const port = Number(process.argv[2] ?? 0);
server.listen(port, '127.0.0.1');
await once(server, 'listening');
const serving = serve();
if (port === 0) {
  const address = server.address() as { port: number };
  const sizes = [5, 100_000, 10_000_000];
  const echoed = await Promise.all(
    sizes.map((size) => client(address.port, size)),
  );
  for (const [i, size] of sizes.entries()) {
    console.log(`sent ${size} bytes, ${echoed[i]} came back`);
  }
  server.close();
  kq.close();
}
await serving;
