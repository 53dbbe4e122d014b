// Threads and queues: each thread has its own, who can wake whom, and that a
// thread leaves nothing behind however it ends.
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

onLinux('a queue works in a worker as in the main thread', async () => {
  const [printed, mine] = await printedBy('linux/threads', 'ownQueue');
  expect(printed).toEqual([0, [1, 7]]);
  expect(mine).toEqual([1, 2]);
});

onLinux('EVFILT_SIGNAL in a worker fails with ENOTSUP', async () => {
  const [printed] = await printedBy('linux/threads', 'signalInWorker');
  const why =
    'kevent ENOTSUP: add signal 12 (Node.js delivers signals to the main thread only: register it there, and wake this queue by a waker)';
  expect(printed).toEqual([0, 'ENOTSUP', why, why]);
});

onLinux(
  'a queue of another thread fails with EBADF and a reason, and is not changed',
  async () => {
    const [refusals, mine] = await printedBy('linux/threads', 'queueOfAnother');
    const whose = {
      code: 'EBADF',
      message: expect.stringMatching(
        /^kevent EBADF: descriptor \d+ is no queue of this thread; a queue belongs to the thread/,
      ),
    };
    // An event list, a change, and a Kqueue of it.
    expect(refusals).toEqual([whose, whose, whose]);
    expect(mine).toBe(1);
  },
);

onLinux(
  'a descriptor that is not a queue fails with EBADF without that reason',
  async () => {
    const messages = await printedBy('linux/threads', 'noQueue');
    expect(messages).toEqual(['kevent EBADF', 'kevent EBADF', 'kevent EBADF']);
  },
);

onLinux('a thread leaves no descriptor open, however it ends', async () => {
  const [leaked] = await printedBy('linux/threads', 'endings');
  expect(leaked).toBe(0);
});

onLinux(
  'a descriptor closed by a thread is not closed again at its exit',
  async () => {
    const [codes, warnings] = await printedBy('linux/threads', 'closedOnce');
    expect(codes).toEqual(['EBADF', true, true]);
    expect(warnings).toBe(0);
  },
);

onLinux('a pipe wakes a thread that is blocked in a call', async () => {
  const [woken] = await printedBy('linux/threads', 'wokenByPipe');
  expect(woken).toBe(3);
});

onLinux(
  'a thread blocked in a call without a timeout can be terminated, and ends with the process',
  async () => {
    const [codes] = await printedBy('linux/threads', 'asleepForEver');
    expect(codes).toEqual([1, 1, 1]);
  },
);

onLinux(
  'a long wait of a thread ends on time although it is split',
  async () => {
    const [waits] = await printedBy('linux/threads', 'longWait');
    for (const late of waits as number[]) {
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(1000);
    }
  },
);

onLinux(
  'a queue that another thread closes during a wait is harmless',
  async () => {
    const [closed, error, next] = await printedBy(
      'linux/threads',
      'closedByAnother',
    );
    expect(closed).toBeNull();
    expect(error).toBe('EBADF');
    expect(next).toBe('timer');
  },
);

onLinux('eight threads use separate queues concurrently', async () => {
  const [sums] = await printedBy('linux/threads', 'eight');
  expect(sums).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 200 * i));
});

onLinux(
  'a thread that is terminated with queues open ends, and so does the process',
  async () => {
    const [codes, printed] = await printedBy('linux/threads', 'terminated');
    expect(codes).toEqual([1, 1, 1, 1, 1, 1]);
    expect(printed).toBe(1);
  },
);
