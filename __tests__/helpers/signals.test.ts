// In child processes: the `process` of a Jest test is a copy whose listeners
// receive no signals.
import { type SignalName, signals } from '../../src/index.js';
import { printedByLine, runProgram, together } from '../support/child.js';

// The last one leaves a listener, on purpose.
const programs = together('helpers/signals', [
  'twoSignals',
  'whileNobodyWaits',
  'numbersAndAbort',
  'openedAgain',
  'notTwice',
  'synonyms',
  'many',
  'besideListeners',
]);

describe('signals', () => {
  test('reports which signal arrived, and how often', async () => {
    expect(await programs.printedBy('twoSignals')).toEqual([
      { signal: 'SIGUSR2', count: 1 },
      { signal: 'SIGHUP', count: 1 },
      { signal: 'SIGHUP', count: 1 },
    ]);
  });

  test('counts signals that arrive while no next() is pending', async () => {
    const [total] = await programs.printedBy('whileNobodyWaits');
    expect(total).toBe(10);
  });

  test('suspends the default action until it is closed', async () => {
    const { stdout, status } = await runProgram(
      'helpers/signals',
      'keepsAlive',
    );
    // A shell in between, if there is one, exits with 128 and the signal
    // number.
    expect(stdout).toBe('"SIGHUP"\n0\n');
    expect(['SIGHUP', 129]).toContain(status);
  });

  test('does not change listeners of the program', async () => {
    expect(await programs.printedBy('besideListeners')).toEqual([
      [1, 1],
      1,
      [2, 1],
    ]);
  });

  test('accepts numbers, and options last', async () => {
    expect(await programs.printedBy('numbersAndAbort')).toEqual([
      { signal: 'SIGHUP', count: 1 },
      'mine',
      0,
    ]);
  });

  test('counts a signal right after reopening', async () => {
    expect(await programs.printedBy('openedAgain')).toEqual([1, 1, 1]);
  });

  test('does not count a signal that arrived before it was opened', async () => {
    expect(await programs.printedBy('notTwice')).toEqual([1, 1]);
  });

  test('counts a signal once under all its names', async () => {
    expect(await programs.printedBy('synonyms')).toEqual([
      { signal: 'SIGABRT', count: 1 },
      1,
    ]);
  });

  test('works in many iterators at once, without a warning', async () => {
    const { stdout, stderr } = await programs.outcomeOf('many');
    expect(stderr).toBe('');
    expect(stdout).toBe('1\n0\n');
  });

  test('does not keep the process alive without a pending next()', async () => {
    expect(await printedByLine("api.signals('SIGHUP'); print(1);")).toEqual([
      1,
    ]);
  });

  test.each<[readonly unknown[], ErrorConstructor]>([
    [[], TypeError],
    [[{}], TypeError],
    [[null], TypeError],
    [['SIGNOT'], RangeError],
    [['HUP'], RangeError],
    [['SIGKILL'], RangeError],
    [['SIGHUP', 'SIGSTOP'], RangeError],
    [[0], RangeError],
    [[{}, 'SIGHUP'], TypeError],
  ])('rejects %p', (args, kind) => {
    expect(() => signals(...(args as SignalName[]))).toThrow(kind);
  });
});
