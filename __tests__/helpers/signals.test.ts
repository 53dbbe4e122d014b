// In processes of their own: that of the tests is a copy on which no listener
// ever hears anything.
import { type SignalName, signals } from '../../src/index.js';
import { printedBy, printedByLine, runProgram } from '../support/child.js';

describe('signals', () => {
  test('tells which came, and how often', async () => {
    expect(await printedBy('helpers/signals', 'twoSignals')).toEqual([
      { signal: 'SIGUSR2', count: 1 },
      { signal: 'SIGHUP', count: 1 },
      { signal: 'SIGHUP', count: 1 },
    ]);
  });

  test('loses none while nobody waits', async () => {
    const [total] = await printedBy('helpers/signals', 'whileNobodyWaits');
    expect(total).toBe(10);
  });

  test('keeps them from ending the process, until it is closed', async () => {
    const { stdout, status } = await runProgram(
      'helpers/signals',
      'keepsAlive',
    );
    // The shell that stands between says 128 and the number, if it stays.
    expect(stdout).toBe('"SIGHUP"\n0\n');
    expect(['SIGHUP', 129]).toContain(status);
  });

  test('leaves listeners of the program alone', async () => {
    expect(await printedBy('helpers/signals', 'besideListeners')).toEqual([
      [1, 1],
      1,
      [2, 1],
    ]);
  });

  test('takes numbers, and options last', async () => {
    expect(await printedBy('helpers/signals', 'numbersAndAbort')).toEqual([
      { signal: 'SIGHUP', count: 1 },
      'mine',
      0,
    ]);
  });

  test('loses none that comes when it is opened again at once', async () => {
    expect(await printedBy('helpers/signals', 'openedAgain')).toEqual([
      1, 1, 1,
    ]);
  });

  test('counts none twice that came before it was opened', async () => {
    expect(await printedBy('helpers/signals', 'notTwice')).toEqual([1, 1]);
  });

  test('counts each once, by any of its names, whoever listens', async () => {
    expect(await printedBy('helpers/signals', 'synonyms')).toEqual([
      { signal: 'SIGABRT', count: 1 },
      1,
    ]);
  });

  test('may be asked for by many', async () => {
    const { stdout, stderr } = await runProgram('helpers/signals', 'many');
    expect(stderr).toBe('');
    expect(stdout).toBe('1\n0\n');
  });

  test('does not keep a process alive that does not ask', async () => {
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
  ])('takes no %p', (args, kind) => {
    expect(() => signals(...(args as SignalName[]))).toThrow(kind);
  });
});
