import { kernel } from '../../src/index.js';
import { confirmCase, gate } from './cases.js';
import { traceDeviation, traceDeviations } from './deviations.js';
import { isBsd } from './differences.js';
import {
  gateOf,
  type Outcome,
  replay,
  type Scenario,
  scenarios,
  whyUnplayable,
} from './replay.js';
import { isolate } from './world.js';

isolate();

const all = scenarios();

const isSame = ({ actual, expected }: Outcome): boolean =>
  JSON.stringify(actual) === JSON.stringify(expected);

/** A scenario that measures time may meet a busy machine: three plays. */
async function play(scenario: Scenario): Promise<Outcome> {
  const LAST = scenario.timing ? 3 : 1;
  for (let attempt = 1; attempt < LAST; attempt++) {
    const outcome = await replay(scenario);
    if (isSame(outcome)) return outcome;
  }
  return replay(scenario);
}

describe('Traces of a Darwin kernel', () => {
  for (const scenario of all) {
    const { id, title } = scenario;
    const row = traceDeviation(id);
    const note = row
      ? ` (step ${Object.keys(row.steps).join(', ')} deviates, ${row.rule}: ${row.reason})`
      : '';
    const reason = gateOf(scenario) ?? whyUnplayable(scenario);
    const body = async () => {
      const { actual, expected } = await play(scenario);
      expect(actual).toEqual(expected);
      expect(expected).not.toHaveLength(0);
    };
    // Recorded of another kernel, or of an earlier release of this one.
    if (isBsd && reason === undefined) confirmCase(id, title, body);
    else
      gate(reason === undefined, reason ?? '')(`${id} ${title}${note}`, body);
  }
});

test('each deviation names a scenario and its steps', () => {
  for (const row of traceDeviations) {
    const scenario = all.find(({ id }) => id === row.trace);
    expect(scenario).toBeDefined();
    const steps = Object.keys(row.steps).map(Number);
    expect(steps).not.toHaveLength(0);
    for (const step of steps) expect(scenario?.steps[step]).toBeDefined();
  }
});

test('names the kernel under test', () => {
  expect(kernel.name).toMatch(/^\w+$/);
});
