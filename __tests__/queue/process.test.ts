// Behaviour visible only from outside: whether and how a process exits, and its
// output. Each script runs the built package. Scripts that exit because they have
// nothing more to do share a process.
import { printedBy, runProgram, together } from '../support/child.js';
import { onLinux } from '../support/fds.js';

const programs = together('queue/process', [
  'oneNext',
  'listener',
  'unrefd',
  'unrefdLate',
  'refdAgain',
  'refdWithTimeout',
  'refdInStorm',
  'unrefdInStorm',
  'lostWait',
  'unrefdBesideServer',
  'abandonedWaits',
  'timeouts',
  'throwingLoop',
  'signalled',
  'latency',
  'oneSocketManyQueues',
  'hundredsOfQueues',
]);

// In this order: a process warns once of a queue that was forgotten.
const collecting = together(
  'queue/process',
  [
    'closedNotCollected',
    'collected',
    'thousandQueues',
    'collectedNotWhileWaiting',
  ],
  { flags: ['--expose-gc'] },
);

/** Their main thread loads nothing of the package. */
const workers = together('queue/workers', [
  'delivers',
  'terminates',
  'exitsInWorker',
  'closes',
]);

test('a process exits when there is no pending wait, whatever is registered', async () => {
  const { status, stdout } = await programs.outcomeOf('oneNext');
  expect([stdout, status]).toEqual(['"one"\n', 0]);
});

test('a listener keeps the process alive', async () => {
  const { status, stdout } = await programs.outcomeOf('listener');
  expect([stdout, status]).toEqual(['1\n', 0]);
});

test('a wait of an unref’d queue does not keep the process alive', async () => {
  const { status, stdout } = await programs.outcomeOf('unrefd');
  expect([stdout, status]).toEqual(['', 0]);
  const late = await programs.outcomeOf('unrefdLate');
  expect([late.stdout, late.status]).toEqual(['', 0]);
  const again = await programs.outcomeOf('refdAgain');
  expect([again.stdout, again.status]).toEqual(['"came"\n', 0]);
  const timed = await programs.outcomeOf('refdWithTimeout');
  expect([timed.stdout, timed.status]).toEqual(['"over"\n', 0]);
});

test('a burst of events keeps the process alive unless the queue is unref’d', async () => {
  const refd = await programs.outcomeOf('refdInStorm');
  expect([refd.stdout, refd.status]).toEqual(['500\n', 0]);
  const unrefd = await programs.outcomeOf('unrefdInStorm');
  expect([unrefd.stdout, unrefd.status]).toEqual(['"over"\n', 0]);
});

test('a wait that failed no longer keeps the process alive', async () => {
  const { stdout, status } = await programs.outcomeOf('lostWait');
  expect([stdout, status]).toEqual(['"EBADF"\n', 0]);
});

test('an unref’d queue still delivers while something else keeps the process', async () => {
  expect(await programs.printedBy('unrefdBesideServer')).toEqual([1]);
});

test('an aborted or timed-out wait no longer keeps the process alive', async () => {
  const { status } = await programs.outcomeOf('abandonedWaits');
  expect(status).toBe(0);
});

test('a timeout does not fire early, nor before an event in time', async () => {
  expect(await programs.printedBy('timeouts')).toEqual([0, 1]);
});

test('process.exit ends a waiting process', async () => {
  const { status } = await runProgram('queue/process', 'exitWhileWaiting');
  expect(status).toBe(7);
});

test('a process that has removed all listeners is not aborted', async () => {
  const program = runProgram('queue/process', 'listenersRemoved');
  const { stdout, status } = await program;
  expect([stdout, status]).toEqual(['"over"\n', 0]);
});

test.each([
  ['by itself', 'byItself', 0],
  ['by process.exit', 'byExit', 5],
  ['by an exception', 'byException', 1],
  ['in a listener', 'inListener', 6],
])(
  'a process that ends %s during a burst of events is not aborted',
  async (_, end, code) => {
    for (let i = 0; i < 2; i++) {
      const { status } = await runProgram('queue/process', 'busyUntil', {
        args: [end],
      });
      expect(status).toBe(code);
    }
  },
);

test('process.exit in a listener ends the process with its code', async () => {
  const { status, stderr } = await runProgram(
    'queue/process',
    'exitInListener',
  );
  expect([stderr, status]).toEqual(['', 9]);
});

test('a thousand queues can be waited for, closed and collected', async () => {
  expect(await collecting.printedBy('thousandQueues')).toEqual([true]);
});

describe('an exception', () => {
  test('in a listener is an uncaught exception, and affects no other call', async () => {
    expect(await printedBy('queue/process', 'throwingListener')).toEqual([
      'mine 1',
      'mine 2',
    ]);
  });

  test('of a lost queue reaches onError, and is uncaught without it', async () => {
    const printed = await printedBy('queue/process', 'lostListeners');
    expect(printed.sort()).toEqual(['EBADF', 'mine', 'onError EBADF']);
  });

  test('in a listener ends the process unless it is caught', async () => {
    const { status, stderr } = await runProgram(
      'queue/process',
      'uncaughtInListener',
    );
    expect(status).toBe(1);
    expect(stderr).toContain('Error: mine');
  });

  test('in the body of a loop rejects that loop only', async () => {
    expect(await programs.printedBy('throwingLoop')).toEqual(['mine', 1]);
  });
});

test('a signal does not end a wait, move a deadline or repeat a change', async () => {
  expect(await programs.printedBy('signalled')).toEqual([0, true]);
});

test('promises resolve promptly in an otherwise idle process', async () => {
  const [worst] = (await programs.printedBy('latency')) as number[];
  expect(worst).toBeLessThan(250);
});

describe('a queue that is garbage-collected without being closed', () => {
  test('is closed, with one warning for the process', async () => {
    const { stdout, stderr, status } = await collecting.outcomeOf('collected');
    expect(stdout).toBe('true\n');
    expect(status).toBe(0);
    expect(stderr.match(/was forgotten without close/g)).toHaveLength(1);
    expect(stderr).toContain('KQUEUE_FORGOTTEN');
  });

  test('is not collected while a wait is pending', async () => {
    expect(await collecting.printedBy('collectedNotWhileWaiting')).toEqual([1]);
  });

  test('does not warn when it was closed', async () => {
    const { stderr } = await collecting.outcomeOf('closedNotCollected');
    expect(stderr).toBe('');
  });
});

describe('in a worker thread', () => {
  test('delivers events', async () => {
    const { stdout, status } = await workers.outcomeOf('delivers');
    expect([stdout, status]).toEqual(['1\n', 0]);
  });

  test('terminate ends a wait, and the process continues', async () => {
    expect(await workers.outcomeOf('terminates')).toEqual({
      stdout: '1\n1\n1\n1\n1\n"alive"\n',
      stderr: '',
      status: 0,
    });
  });

  test('process.exit in the worker ends a wait, and the process continues', async () => {
    expect(await workers.outcomeOf('exitsInWorker')).toEqual({
      stdout: '3\n"alive"\n',
      stderr: '',
      status: 0,
    });
  });

  test('process.exit in the main thread ends all threads', async () => {
    const { status, stderr } = await runProgram('queue/workers', 'exitsInMain');
    expect([stderr, status]).toEqual(['', 4]);
  });

  test('terminate at any moment of a wait does no harm, and leaves no descriptor open', async () => {
    const [left] = await printedBy('queue/worker-ends', 'ends');
    // One that is terminated as it makes a queue may leave a part of it. Native
    // kernels are not told of the end of a thread.
    if (process.platform === 'linux') expect(left).toBeLessThanOrEqual(2);
  }, 60_000);

  test('a worker with a closed queue exits with 0', async () => {
    const { stdout, status } = await workers.outcomeOf('closes');
    expect([stdout, status]).toEqual(['"ended"\n', 0]);
  });
});

onLinux(
  'more queues can wait for one socket than the event loop can watch',
  async () => {
    // Linux lets a hundred of them wake an epoll, and the loop aborts if it is
    // refused one.
    const printed = await programs.printedBy('oneSocketManyQueues');
    expect(printed).toEqual([150]);
  },
);

test('hundreds of queues wait for different events', async () => {
  const printed = await programs.printedBy('hundredsOfQueues');
  expect(printed).toEqual([true]);
});
