// A process that may have no more descriptors: the real limit, in a child.
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

type Line = [what: string, left: number, outcome: string, leaked: number];

describe('with few descriptors left', () => {
  let lines: Line[];
  beforeAll(async () => {
    if (process.platform !== 'linux') return;
    lines = (await printedBy('linux/limits', 'fewLeft', {
      first: 'ulimit -n 64',
      // Threads of the C library must not take one of the few for a moment.
      env: { MALLOC_ARENA_MAX: '1' },
    })) as Line[];
  });

  onLinux('each call succeeds or fails with EMFILE', () => {
    const odd = lines.filter(
      ([, , outcome]) =>
        !['done', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOTSUP'].includes(outcome),
    );
    expect(odd).toEqual([]);
    // With none left, what needs one fails; with eight nothing does.
    const outcomesWith = (count: number) =>
      lines.filter(([, left]) => left === count).map(([, , out]) => out);
    expect(outcomesWith(0)).toContain('EMFILE');
    expect(new Set(outcomesWith(8))).toEqual(new Set(['done']));
  });

  onLinux('kqueue() needs a fixed number of free descriptors', () => {
    const outcomes = lines
      .filter(([what]) => what === 'kqueue')
      .map(([, , outcome]) => outcome);
    const done = outcomes.indexOf('done');
    expect(done).toBe(3);
    expect(new Set(outcomes.slice(0, done))).toEqual(new Set(['EMFILE']));
    expect(new Set(outcomes.slice(done))).toEqual(new Set(['done']));
  });

  onLinux('a refused call leaks nothing, and the queue still works', () => {
    expect(lines.filter(([, , , leaked]) => leaked !== 0)).toEqual([]);
    expect(lines.filter(([what]) => what === 'missed')).toEqual([]);
  });
});

describe('without free descriptors', () => {
  const printed = (program: string): Promise<unknown[]> =>
    printedBy('linux/limits', program, {
      first: 'ulimit -n 64',
      env: { MALLOC_ARENA_MAX: '1' },
    });

  onLinux('a registration is replaced', async () => {
    expect(await printed('replaced')).toEqual(['EMFILE', 'added']);
  });

  onLinux('a closed queue lives on under an unused duplicate', async () => {
    expect(await printed('duplicate')).toEqual(['EMFILE', 'EBADF', 1]);
  });
});
