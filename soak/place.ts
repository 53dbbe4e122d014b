import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder, the FIFOs and the servers of the workload. */
export interface Place {
  readonly folder: string;
  /** A FIFO that is not in use. Give it back afterwards. */
  takeFifo(): string;
  giveFifo(path: string): void;
  /** Two connected sockets; the second does not read by itself. */
  connect(kind: 'tcp' | 'unix'): Promise<[Socket, Socket]>;
  close(): void;
}

const FIFOS = 200;

const nothing = (): void => {};

/** Accepts connections, which are found by the client's port. */
class Door {
  readonly #arrived = new Map<number, Socket>();
  readonly #awaited = new Map<number, (socket: Socket) => void>();
  readonly server: Server;

  constructor() {
    this.server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', nothing);
      // Unix sockets have no port, and are accepted one at a time.
      const port = socket.remotePort ?? 0;
      const awaited = this.#awaited.get(port);
      this.#awaited.delete(port);
      if (awaited === undefined) this.#arrived.set(port, socket);
      else awaited(socket);
    });
  }

  async connect(to: number | string): Promise<[Socket, Socket]> {
    const near =
      typeof to === 'number' ? connect(to, '127.0.0.1') : connect(to);
    near.on('error', nothing);
    await once(near, 'connect');
    const port = near.localPort ?? 0;
    const arrived = this.#arrived.get(port);
    this.#arrived.delete(port);
    if (arrived !== undefined) return [near, arrived];
    const far = new Promise<Socket>((resolve) => {
      this.#awaited.set(port, resolve);
    });
    return [near, await far];
  }
}

export async function openPlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'kqueue-soak-'));
  const fifos = Array.from({ length: FIFOS }, (_, i) => join(folder, `f${i}`));
  execFileSync('mkfifo', fifos);
  const path = join(folder, 'socket');
  const doors = { tcp: new Door(), unix: new Door() };
  doors.tcp.server.listen(0, '127.0.0.1');
  doors.unix.server.listen(path);
  for (const { server } of Object.values(doors)) {
    if (!server.listening) await once(server, 'listening');
  }
  const { port } = doors.tcp.server.address() as { port: number };
  let last: Promise<unknown> = Promise.resolve();

  return {
    folder,
    takeFifo() {
      const fifo = fifos.shift();
      if (fifo === undefined) throw new Error('no FIFO is left');
      return fifo;
    },
    giveFifo: (fifo) => {
      fifos.push(fifo);
    },
    connect(kind) {
      if (kind === 'tcp') return doors.tcp.connect(port);
      const pair = last.then(() => doors.unix.connect(path));
      last = pair.catch(nothing);
      return pair;
    },
    close() {
      for (const { server } of Object.values(doors)) server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
