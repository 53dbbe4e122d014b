// Signals that arrive during a call, in a child process: the `process` of a
// Jest test is a copy whose listeners receive no signals.
import { printedBy, together } from '../support/child.js';
import { onLinux } from '../support/fds.js';

// Listeners that one leaves do not concern the next.
const programs = together('linux/signals', [
  'childEnds',
  'counted',
  'interrupted',
  'changesApplied',
  'readyMeanwhile',
  'waitsAgain',
]);

onLinux('a caught signal ends the wait with EINTR', async () => {
  const [outcome, length, received] = await programs.printedBy('interrupted');
  expect(outcome).toEqual(['KqueueError', 'EINTR', -4, 'kevent']);
  expect(length).toBe(0);
  expect(received).toBe(true);
});

onLinux('an interrupted call applies its changes once', async () => {
  const [outcome, again, counts] = await programs.printedBy('changesApplied');
  expect(outcome).toBe('EINTR');
  expect(again).toBe(0);
  expect(counts).toEqual([1, 1]);
});

onLinux(
  'a pending event is returned although signals keep coming',
  async () => {
    const [counts] = await programs.printedBy('readyMeanwhile');
    expect(counts).toEqual([1]);
  },
);

onLinux('a program that waits again after EINTR loses nothing', async () => {
  const [result] = await programs.printedBy('waitsAgain');
  expect(result).toEqual([1, true, true]);
});

onLinux('the exit of a child ends the wait with EINTR', async () => {
  const [outcome, code] = await programs.printedBy('childEnds');
  expect(outcome).toBe('EINTR');
  expect(code).toBe(3);
});

onLinux(
  'a counted signal wakes the wait with its event, not with EINTR',
  async () => {
    const [counts, again] = await programs.printedBy('counted');
    expect(counts).toEqual([1, true, true]);
    expect(again).toBe(0);
  },
);

const FLOODS = 'linux/signal-floods';
const floods = together(FLOODS, [
  'realTime',
  'burst',
  'collected',
  'closedMeanwhile',
  'addedMeanwhile',
  'leavesNothing',
]);

onLinux(
  'a program that only blocks counts all signals and runs listeners later',
  async () => {
    const printed = await floods.printedBy('collected');
    expect(printed).toEqual([20_000, [20_000, 2000], 0, 1, [20_001, 0]]);
  },
);

onLinux('polling is not slower after thousands of signals', async () => {
  const [factor] = await printedBy(FLOODS, 'cost');
  expect(factor).toBeLessThan(2);
});

onLinux('a burst of ten thousand signals is counted in one poll', async () => {
  expect(await floods.printedBy('burst')).toEqual([10_000]);
});

onLinux('two copies of the package count each signal once', async () => {
  const [counts] = await printedBy(FLOODS, 'copies');
  expect(counts).toEqual([4000, 4000, 4000]);
});

onLinux(
  'deleting the last registration does not affect listeners',
  async () => {
    const printed = await floods.printedBy('closedMeanwhile');
    expect(printed).toEqual([2000, 0, 2000]);
  },
);

onLinux('adding a signal does not affect listeners of another', async () => {
  const printed = await floods.printedBy('addedMeanwhile');
  expect(printed).toEqual([2000, [1, true], [2000, 0]]);
});

onLinux('a closed queue leaves no listener', async () => {
  const printed = await floods.printedBy('leavesNothing');
  const [before, after] = printed.pop() as [unknown, unknown];
  expect(printed).toEqual([1, 1, 1]);
  expect(after).toEqual(before);
});

onLinux('a program exits with signals that no listener received', async () => {
  expect(await printedBy(FLOODS, 'ending')).toEqual([500, 500]);
});

onLinux(
  'registrations keep counting when the program removes all listeners',
  async () => {
    const [counts, listeners, later, others] = await printedBy(
      FLOODS,
      'removed',
    );
    expect(counts).toEqual([1, 1, 1, 1, 1, 1]);
    expect(listeners).toBe(1);
    expect(later).toBe(3);
    expect(others).toEqual(['ENOTSUP', 'ENOTSUP']);
  },
);

onLinux('a real-time signal is refused, an unknown number is not', async () => {
  const [codes, written, count] = await floods.printedBy('realTime');
  expect(codes).toEqual(['ENOTSUP', 'ENOTSUP', 'ENOTSUP']);
  expect(written).toBe(0);
  expect(count).toBe(0);
});

const LISTENERS = 'linux/signal-listeners';
const listeners = together(LISTENERS, [
  'secondName',
  'callsKevent',
  'throws',
  'throwsAtRegistration',
  'replaced',
]);

onLinux(
  'a signal is counted once when the program then removes all listeners',
  async () => {
    expect(await printedBy(LISTENERS, 'removedWhilePending')).toEqual([
      1, 0, 1,
    ]);
  },
);

onLinux('a signal is counted once when it gets a second name', async () => {
  expect(await listeners.printedBy('secondName')).toEqual([2, 0]);
});

onLinux('a listener that calls kevent gets the event', async () => {
  expect(await listeners.printedBy('callsKevent')).toEqual([1, 0]);
});

onLinux('a listener that throws loses no signal', async () => {
  expect(await listeners.printedBy('throws')).toEqual(['on purpose', 1]);
});

onLinux(
  'a signal can be registered after the program refused its listener',
  async () => {
    expect(await listeners.printedBy('throwsAtRegistration')).toEqual([
      'on purpose',
      1,
    ]);
  },
);

onLinux(
  'a program exits with signals that it collects as it ends',
  async () => {
    expect(await printedBy(LISTENERS, 'atExit')).toEqual([100, 100]);
  },
);

onLinux(
  'a signal does not kill while its registration is replaced',
  async () => {
    expect(await listeners.printedBy('replaced')).toEqual([[1]]);
  },
);
