// Threads and queues: what belongs to whom, who can wake whom, and that a
// thread leaves nothing behind however it ends. More: linux/threads.test.ts.
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

onLinux('a queue that another thread uses says whose it is', async () => {
  const [list, typed, mine] = await printedBy('soak/threads', 'queueOfAnother');
  const whose = {
    code: 'EBADF',
    message: expect.stringMatching(
      /^kevent EBADF: descriptor \d+ is no queue of this thread; a queue belongs to the thread/,
    ),
  };
  expect(list).toEqual(whose);
  expect(typed).toEqual(whose);
  expect(mine).toBe(1);
});

onLinux('a descriptor that is no queue at all is EBADF alone', async () => {
  const messages = await printedBy('soak/threads', 'noQueue');
  expect(messages).toEqual(['kevent EBADF', 'kevent EBADF', 'kevent EBADF']);
});

onLinux('a thread leaves no descriptor, however it ends', async () => {
  const [leaked] = await printedBy('soak/threads', 'endings');
  expect(leaked).toBe(0);
});

onLinux(
  'what a thread closes is not closed once more when it ends',
  async () => {
    const [codes, warnings] = await printedBy('soak/threads', 'closedOnce');
    expect(codes).toEqual(['EBADF', true, true]);
    expect(warnings).toBe(0);
  },
);

onLinux('a thread that sleeps in a call is woken through a pipe', async () => {
  const [woken] = await printedBy('soak/threads', 'wokenByPipe');
  expect(woken).toBe(3);
});

onLinux(
  'a thread that sleeps for ever in a call can be terminated, and ends with the process',
  async () => {
    const [codes] = await printedBy('soak/threads', 'asleepForEver');
    expect(codes).toEqual([1, 1, 1]);
  },
);

onLinux(
  'a long wait of a thread ends at its time, though it sleeps in pieces',
  async () => {
    const [waits] = await printedBy('soak/threads', 'longWait');
    for (const late of waits as number[]) {
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(1000);
    }
  },
);

onLinux(
  'a queue closed by another thread while it is waited for harms nobody',
  async () => {
    const [closed, error, next] = await printedBy(
      'soak/threads',
      'closedByAnother',
    );
    expect(closed).toBeNull();
    expect(error).toBe('EBADF');
    expect(next).toBe('timer');
  },
);

onLinux('eight threads at once keep their queues apart', async () => {
  const [sums] = await printedBy('soak/threads', 'eight');
  expect(sums).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 200 * i));
});
