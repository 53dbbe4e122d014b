// Queues and worker threads: each thread has its own, and ends without harm.
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

onLinux('a queue of a worker works as one of the main thread', async () => {
  const [told, mine] = await printedBy('linux/threads', 'ownQueue');
  expect(told).toEqual([0, [1, 7]]);
  expect(mine).toEqual([1, 2]);
});

onLinux('a queue of another thread is EBADF, and unharmed by it', async () => {
  const [told, mine] = await printedBy('linux/threads', 'queueOfAnother');
  expect(told).toEqual([0, ['EBADF', 'EBADF']]);
  expect(mine).toBe(1);
});

onLinux(
  'signals belong to the main thread, and a worker is told so',
  async () => {
    const [told] = await printedBy('linux/threads', 'signalInWorker');
    expect(told).toEqual([0, 'ENOTSUP']);
  },
);

onLinux('threads that come and go leave nothing open', async () => {
  const [leaked] = await printedBy('linux/threads', 'comeAndGo');
  expect(leaked).toBe(0);
});

onLinux(
  'a thread that is terminated with queues open ends, and so does the process',
  async () => {
    const [codes, told] = await printedBy('linux/threads', 'terminated');
    expect(codes).toEqual([1, 1, 1, 1, 1, 1]);
    expect(told).toBe(1);
  },
);

onLinux('many threads at once do not see each other', async () => {
  const [sums] = await printedBy('linux/threads', 'many');
  expect(sums).toEqual([1, 2, 3, 4].map((number) => [0, 500 * number]));
});
