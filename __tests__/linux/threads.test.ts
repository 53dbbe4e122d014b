// Threads and queues: each thread has its own, who can wake whom, and that a
// thread leaves nothing behind however it ends.
import { together } from '../support/child.js';
import { onLinux } from '../support/fds.js';

// The first test waits for all programs, which may take 60 s.
jest.setTimeout(70_000);

// The last one ends the process.
const programs = together('linux/threads', [
  'endings',
  'ownQueue',
  'signalInWorker',
  'queueOfAnother',
  'numbersOfAnother',
  'noQueue',
  'closedOnce',
  'wokenByPipe',
  'longWait',
  'closedByAnother',
  'closedWhileBlocked',
  'eight',
  'terminated',
  'asleepForEver',
]);

onLinux('a queue works in a worker as in the main thread', async () => {
  const [printed, mine] = await programs.printedBy('ownQueue');
  expect(printed).toEqual([0, [1, 7]]);
  expect(mine).toEqual([1, 2]);
});

onLinux('EVFILT_SIGNAL in a worker fails with ENOTSUP', async () => {
  const [printed] = await programs.printedBy('signalInWorker');
  const why =
    'kevent ENOTSUP: add signal 12 (Node.js delivers signals to the main thread only: register it there, and wake this queue by a waker)';
  expect(printed).toEqual([0, 'ENOTSUP', why, why]);
});

onLinux(
  'a queue of another thread fails with EBADF and a reason, and is not changed',
  async () => {
    const [refusals, mine] = await programs.printedBy('queueOfAnother');
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
  'a queue whose numbers another thread takes is lost, and that one is not changed',
  async () => {
    const rounds = await programs.printedBy('numbersOfAnother');
    // The same numbers in the same order, or without the inner epoll.
    expect(rounds).toEqual(
      ['all', 'two'].flatMap((closed) => [
        [closed, 'add', true, 'EBADF', [1, 9], 0],
        [closed, 'trigger', true, 'EBADF', [1, 9], 0],
        [closed, 'collect', true, 'EBADF', [1, 9], 0],
        [closed, 'close', true, null, [1, 9], 0],
      ]),
    );
  },
);

onLinux(
  'a descriptor that is not a queue fails with EBADF without that reason',
  async () => {
    const messages = await programs.printedBy('noQueue');
    expect(messages).toEqual(['kevent EBADF', 'kevent EBADF', 'kevent EBADF']);
  },
);

onLinux('a thread leaves no descriptor open, however it ends', async () => {
  const [leaked] = await programs.printedBy('endings');
  expect(leaked).toBe(0);
});

onLinux(
  'a descriptor closed by a thread is not closed again at its exit',
  async () => {
    const [codes, warnings] = await programs.printedBy('closedOnce');
    expect(codes).toEqual(['EBADF', true, true]);
    expect(warnings).toBe(0);
  },
);

onLinux('a pipe wakes a thread that is blocked in a call', async () => {
  const [woken] = await programs.printedBy('wokenByPipe');
  expect(woken).toBe(3);
});

onLinux(
  'a thread blocked in a call without a timeout can be terminated, and ends with the process',
  async () => {
    const [codes] = await programs.printedBy('asleepForEver');
    expect(codes).toEqual([1, 1, 1]);
  },
);

onLinux(
  'a long wait of a thread ends on time although it is split',
  async () => {
    const [waits] = await programs.printedBy('longWait');
    for (const late of waits as number[]) {
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(1000);
    }
  },
);

onLinux(
  'a queue that another thread closes during a wait is harmless',
  async () => {
    const [closed, error, next] = await programs.printedBy('closedByAnother');
    expect(closed).toBeNull();
    expect(error).toBe('EBADF');
    expect(next).toBe('timer');
  },
);

onLinux(
  'a blocked call notices that another thread closed the queue, or a part of it',
  async () => {
    const [outcomes] = await programs.printedBy('closedWhileBlocked');
    expect(outcomes).toEqual([1, 'EBADF']);
  },
);

onLinux('eight threads use separate queues concurrently', async () => {
  const [sums] = await programs.printedBy('eight');
  expect(sums).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 200 * i));
});

onLinux(
  'a thread that is terminated with queues open ends, and so does the process',
  async () => {
    const [codes, printed] = await programs.printedBy('terminated');
    expect(codes).toEqual([1, 1, 1, 1, 1, 1]);
    expect(printed).toBe(1);
  },
);
