// Random programs on this kernel and on a plain reference of Darwin's rules:
// the same events in the same order. KQUEUE_FFI_MODEL_SEED plays others than
// the usual ones, KQUEUE_FFI_MODEL_SECONDS plays for longer.
import fc from 'fast-check';
import { gate } from '../conformance/cases.js';
import { isBsd } from '../conformance/differences.js';
import { isolate } from '../conformance/world.js';
import { play } from './play.js';
import { program, type Size } from './program.js';

isolate();

const seed = Number(process.env.KQUEUE_FFI_MODEL_SEED ?? 20_260_111);
const seconds = Number(process.env.KQUEUE_FFI_MODEL_SECONDS ?? 2.5);

const SMALL: Size = {
  places: 6,
  objects: 2,
  queues: 1,
  steps: 40,
  changes: 3,
  sockets: false,
};

const sizes: Readonly<Record<string, Size>> = {
  'a few pipes': SMALL,
  'a few pipes and socket pairs': { ...SMALL, sockets: true, places: 8 },
  'several queues': { ...SMALL, sockets: true, places: 8, queues: 3 },
  '200 descriptors': {
    places: 200,
    objects: 100,
    queues: 2,
    steps: 400,
    changes: 8,
    sockets: true,
  },
};

/** Played even where the machine is too slow for them in that time. */
const MIN_PROGRAMS = 20;

jest.setTimeout(1000 * seconds + 120_000);

/** A BSD kernel has its own rules. */
const modelTest = gate(!isBsd, 'the reference is of Darwin');

for (const [name, size] of Object.entries(sizes)) {
  modelTest(
    `any program on ${name} sees the events that Darwin's rules give`,
    () => {
      let programs = 0;
      let events = 0;
      const property = fc.property(program(size), (it) => {
        const { actual, expected } = play(size, it);
        expect(actual).toEqual(expected);
        programs++;
        events += actual.join().split('flags=').length - 1;
      });
      fc.assert(property, {
        seed,
        numRuns: Number.MAX_SAFE_INTEGER,
        interruptAfterTimeLimit: 1000 * seconds,
        endOnFailure: false,
      });
      const missing = MIN_PROGRAMS - programs;
      if (missing > 0)
        fc.assert(property, { seed: seed + 1, numRuns: missing });
      expect(programs).toBeGreaterThanOrEqual(MIN_PROGRAMS);
      expect(events).toBeGreaterThan(0);
    },
  );
}
