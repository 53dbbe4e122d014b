// The checks for closed descriptors, on a clock that the test moves.
import {
  type Checked,
  descriptorChecks,
} from '../../src/queue/descriptor-checks.js';

const mocked: { scheduled: (() => void)[] } = { scheduled: [] };
const { scheduled } = mocked;

jest.mock('../../src/host/globals.js', () => ({
  ...jest.requireActual('../../src/host/globals.js'),
  setTimeout(run: () => void) {
    mocked.scheduled.push(run);
    return { unref() {} };
  },
}));

/** Let the time pass until the next check. */
function nextCheck(): void {
  for (const run of scheduled.splice(0)) run();
}

/** A wait that counts its checks. */
function wait(): Checked & { checks: number } {
  return {
    place: -1,
    checks: 0,
    check() {
      this.checks++;
    },
  };
}

beforeEach(() => {
  // Until nothing is scheduled: no wait is left from before.
  nextCheck();
  expect(scheduled).toEqual([]);
});

test('one timer checks all waits, for as long as there is one', () => {
  const waits = [wait(), wait(), wait()];
  for (const each of waits) descriptorChecks.add(each);
  for (let round = 1; round <= 3; round++) {
    expect(scheduled).toHaveLength(1);
    nextCheck();
    expect(waits.map(({ checks }) => checks)).toEqual([round, round, round]);
  }
  const [last, ...others] = waits;
  for (const each of others) descriptorChecks.delete(each);
  nextCheck();
  expect(waits.map(({ checks }) => checks)).toEqual([4, 3, 3]);
  expect(scheduled).toHaveLength(1);
  descriptorChecks.delete(last);
  nextCheck();
  expect(last.checks).toBe(4);
  expect(scheduled).toEqual([]);
});

test('a wait that begins after a pause is checked too', () => {
  for (let i = 0; i < 2; i++) {
    const only = wait();
    descriptorChecks.add(only);
    nextCheck();
    expect(only.checks).toBe(1);
    descriptorChecks.delete(only);
    nextCheck();
    expect([only.checks, scheduled.length]).toEqual([1, 0]);
  }
});

test('a wait that is added twice is checked once, and deleted once', () => {
  const waits = [wait(), wait()];
  for (const each of [...waits, ...waits]) descriptorChecks.add(each);
  nextCheck();
  expect(waits.map(({ checks }) => checks)).toEqual([1, 1]);
  for (const each of [...waits, ...waits]) descriptorChecks.delete(each);
  nextCheck();
  expect(waits.map(({ checks }) => checks)).toEqual([1, 1]);
  expect(scheduled).toEqual([]);
});

test('waits that come and go schedule no further check', () => {
  for (let i = 0; i < 100; i++) {
    const each = wait();
    descriptorChecks.add(each);
    descriptorChecks.delete(each);
  }
  expect(scheduled).toHaveLength(1);
});

test('a wait that ends during a check does not hide another', () => {
  const other = wait();
  const ending = wait();
  ending.check = () => descriptorChecks.delete(ending);
  for (const each of [ending, other]) descriptorChecks.add(each);
  nextCheck();
  nextCheck();
  expect(other.checks).toBe(2);
  descriptorChecks.delete(other);
});
