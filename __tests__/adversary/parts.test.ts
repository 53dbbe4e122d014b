// Other code closes the descriptors inside queues and takes their numbers: no
// event is lost or invented, and nothing of the other code is closed.
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

const SEED = process.env.KQUEUE_FFI_ADVERSARY_SEED ?? '1';
const COUNT = Number(process.env.KQUEUE_FFI_ADVERSARY_PROGRAMS ?? '160');

const faultsOf = (count: number, how: string): Promise<unknown[]> =>
  printedBy('adversary/parts', 'run', { args: [SEED, `${count}`, how] });

onLinux('calls of kevent report every event', async () => {
  expect(await faultsOf(COUNT, 'calls')).toEqual([[]]);
});

onLinux('a pending wait gets its event', async () => {
  // The event loop checks the parts of a queue about once per second.
  expect(await faultsOf(COUNT / 4, 'waits')).toEqual([[]]);
});
