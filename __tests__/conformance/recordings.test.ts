// The kernel in use against 1,850 random programs that macOS 15.4's own kernel
// code has answered: every field of every entry, in order.
import { kernel } from '../../src/index.js';
import { gate } from './cases.js';
import { recordingDeviations } from './deviations.js';
import { type Difference, play, recordings } from './recordings.js';
import { catchSignal, dispose, isolate } from './world.js';

isolate();

const all = recordings();
const kinds = [...new Set(all.map(({ kind }) => kind))];
const deviations = new Map(
  recordingDeviations.map(({ id, reason }) => [id, reason]),
);
const signals = ['SIGUSR2', 'SIGWINCH', 'SIGHUP'] as const;
const onBuiltIn = gate(
  kernel.name === 'linux',
  'the table of deviations is that of the built-in kernel',
);

for (const kind of kinds) {
  const programs = all.filter((recording) => recording.kind === kind);
  onBuiltIn(
    `${programs.length} programs of kind ${kind} return the results of macOS`,
    () => {
      const differences: Record<string, Difference> = {};
      const equal: string[] = [];
      for (const recording of programs) {
        // An uncaught signal would end the process.
        if (kind === 'signal') signals.forEach(catchSignal);
        const difference = play(recording);
        dispose();
        const isListed = deviations.has(recording.id);
        if (difference === undefined && isListed) equal.push(recording.id);
        if (difference !== undefined && !isListed) {
          differences[recording.id] = difference;
        }
      }
      expect(differences).toEqual({});
      // A row of the table that does not deviate any more has to go.
      expect(equal).toEqual([]);
    },
  );
}

test('at most one program in 200 deviates, each for a reason', () => {
  const ids = new Set(all.map(({ id }) => id));
  for (const { id, reason, rule } of recordingDeviations) {
    expect(ids).toContain(id);
    expect(reason).not.toBe('');
    expect(rule).toMatch(/^[A-Z]\d/);
  }
  expect(deviations.size).toBe(recordingDeviations.length);
  expect(deviations.size).toBeLessThanOrEqual(all.length / 200);
});
