/** Another process that sends a time stamp back for each byte it gets. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** The bytes of a stamp: nanoseconds of the clock that all processes share. */
export const STAMP = 8;

/** Asks for a stamp at once, to get warm, or when the asker is asleep. */
export const AT_ONCE = Buffer.from('a');
export const LATER = Buffer.from('l');

function serve(): void {
  const stamp = Buffer.alloc(STAMP);
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    const answer = (): void => {
      stamp.writeBigInt64LE(process.hrtime.bigint());
      socket.write(stamp);
    };
    socket.on('data', (data) => {
      // Whoever waits is asleep by then.
      if (data[0] === LATER[0]) setTimeout(answer, 1);
      else answer();
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
  process.on('disconnect', () => process.exit());
}

export interface Lanes {
  /** A connection; a paused one is never read by Node. */
  open(paused: boolean): Promise<Socket>;
  close(): void;
}

export const fdOf = (socket: Socket): number =>
  (socket as unknown as { _handle: { fd: number } })._handle.fd;

export async function openLanes(): Promise<Lanes> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['serve']);
  const [{ port }] = await once(child, 'message');
  return {
    async open(paused) {
      const socket = connect(port, '127.0.0.1');
      socket.setNoDelay(true);
      if (paused) socket.pause();
      await once(socket, 'connect');
      return socket;
    },
    close: () => child.disconnect(),
  };
}

if (process.argv[2] === 'serve') serve();
