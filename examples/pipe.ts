/**
 * A pipe: read the output of a child process as it arrives, until the child
 * closes its end. The program blocks, so the event loop of Node.js does not
 * read from the pipe meanwhile.
 */
import { spawn } from 'node:child_process';
import { readSync } from 'node:fs';
import {
  close,
  EV_ADD,
  EV_EOF,
  EVFILT_READ,
  KeventList,
  KqueueError,
  kevent,
  kqueue,
} from 'kqueue-ffi';

const GIVE_UP_MS = 10_000;

/** The descriptor that Node keeps to itself. */
function fdOf(stream: object): number {
  return (stream as { _handle: { fd: number } })._handle.fd;
}

/** Block until something happens; the child's end interrupts with SIGCHLD. */
function wait(kq: number, events: KeventList): void {
  try {
    kevent(kq, null, events, 1000);
  } catch (error) {
    if (!(error instanceof KqueueError && error.code === 'EINTR')) throw error;
  }
}

const script = 'for word in one two three; do echo $word; sleep 0.1; done';
const child = spawn('sh', ['-c', script], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ident = fdOf(child.stdout);

const kq = kqueue();
kevent(kq, [{ ident, filter: EVFILT_READ, flags: EV_ADD }], null);

const deadline = performance.now() + GIVE_UP_MS;
const events = new KeventList(1);
let open = true;
while (open && performance.now() < deadline) {
  wait(kq, events);
  for (const event of events) {
    const available = Number(event.data);
    if (available > 0) {
      const bytes = Buffer.alloc(available);
      const length = readSync(ident, bytes);
      const text = bytes.toString('utf8', 0, length);
      console.log(`${available} bytes: ${JSON.stringify(text)}`);
    } else if ((event.flags & EV_EOF) !== 0) {
      console.log('the child closed its end');
      open = false;
    }
  }
}

close(kq);
child.stdout.destroy();
process.exitCode = open ? 1 : 0;
