// Whether the timers of a kernel have units: tried on kernels that have them,
// that take every number for milliseconds, and that are something else.
import { kernels } from '../../src/abi.js';
import { listFor } from '../../src/calls/kevent-list.js';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { findTimerUnits } from '../../src/calls/timer-units.js';
import {
  type Behaviour,
  disposeDoubles,
  double,
  type Fields,
  type KeventCall,
} from '../support/doubles.js';

afterEach(disposeDoubles);

type Name = 'netbsd' | 'openbsd';

/** How many milliseconds a timer takes; undefined for EINVAL. */
type Rule = (fflags: number, data: number) => number | undefined;

/** Both number their units alike. */
const inUnits: Rule = (fflags, data) =>
  [data, data * 1000, data / 1000, data / 1e6][fflags & 3];

const RULES = {
  strict: (fflags, data) =>
    (fflags & ~0x13) === 0 ? inUnits(fflags, data) : undefined,
  lax: inUnits,
  unitless: (_, data) => data,
  'unitless and strict': (fflags, data) => (fflags === 0 ? data : undefined),
  // As NetBSD before 10: a clock of 10 ms, whose first tick has begun.
  'unitless, in ticks': (_, data) => Math.max(1, Math.floor(data / 10)) * 10,
  foreign: (fflags, data) => (fflags === 1 ? data * 1000 : data),
  // As libkqueue 2.3.
  'wrong about microseconds': (fflags, data) =>
    fflags === 2 ? data / 1e6 : inUnits(fflags, data),
} as const satisfies Record<string, Rule>;

const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

/**
 * A kernel that has nothing but timers. One that is added again keeps its time,
 * as in kernels without a touch of their own for timers. Each call that collects
 * first takes the next of the delays.
 */
function timersOf(name: Name, rule: Rule, delays: readonly number[] = []) {
  const made = double({ kernel: name });
  const { offset: ident } = made.struct.fields.ident;
  const { fflags, data } = made.struct.fields;
  let timers: { id: bigint; due: number; event: Fields }[] = [];
  const waits: number[] = [];
  const late = [...delays];
  const open = new Set<number>();

  const arm = (change: Uint8Array): boolean => {
    const view = new DataView(change.buffer);
    const id = view.getBigUint64(ident, true);
    const ms = rule(
      view.getUint32(fflags.offset, true),
      Number(view.getBigInt64(data.offset, true)),
    );
    if (ms === undefined) return false;
    const filter = BigInt(made.facts.constants.EVFILT_TIMER);
    const event = { ident: id, filter, data: 1n };
    if (timers.some((timer) => timer.id === id)) return true;
    timers.push({ id, due: performance.now() + ms, event });
    return true;
  };
  const wait = (call: KeventCall): number => {
    const view = new DataView(call.timespec.buffer);
    const ms =
      Number(view.getBigInt64(0, true)) * 1e3 +
      Number(view.getBigInt64(8, true)) / 1e6;
    const end = performance.now() + ms;
    const until = Math.min(end, ...timers.map(({ due }) => due));
    waits.push(until);
    while (performance.now() < until) {
      pause(Math.max(0.1, until - performance.now()));
    }
    const fired = timers.filter(({ due }) => due <= until);
    timers = timers.filter(({ due }) => due > until);
    return call.answer(...fired.map(({ event }) => event));
  };
  const behaviour: Behaviour = {
    kqueue: () => {
      open.add(5);
      return 5;
    },
    close: (fd) => {
      timers = [];
      return open.delete(fd) ? 0 : made.fail(9);
    },
    kevent: (call) => {
      // The machine was busy with something else until now.
      if (call.nevents > 0) pause(late.shift() ?? 0);
      for (let i = 0; i < call.nchanges; i++) {
        if (!arm(made.change(call, i))) return made.fail(22);
      }
      return call.nevents === 0 ? 0 : wait(call);
    },
  };
  made.behaviour = behaviour;
  const kernel = made.bind();
  const calls = syscallsOf(() => kernel);
  const find = () =>
    findTimerUnits(kernels[name], calls, listFor(kernel.words, 8));
  return { find, waits, open };
}

describe.each<Name>(['netbsd', 'openbsd'])('on %s', (name) => {
  test.each([
    ['strict', 'units'],
    ['lax', 'units'],
    ['unitless', 'milliseconds'],
    ['unitless and strict', 'milliseconds'],
    ['unitless, in ticks', 'milliseconds'],
    ['foreign', 'other'],
    ['wrong about microseconds', 'other'],
  ] as const)('timers that are %s report: %s', (rule, expected) => {
    const { find, open } = timersOf(name, RULES[rule]);
    expect(find()).toBe(expected);
    expect(open.size).toBe(0);
  });

  test.each([
    ['lax', 'units'],
    ['wrong about microseconds', 'other'],
    ['foreign', 'other'],
    ['unitless', 'milliseconds'],
  ] as const)(
    'timers that are %s report on a busy machine: %s',
    (rule, expected) => {
      const { find, open } = timersOf(name, RULES[rule], [12, 24, 5]);
      expect(find()).toBe(expected);
      expect(open.size).toBe(0);
    },
  );

  test('does not measure a kernel that rejects unknown bits', () => {
    const { find, waits } = timersOf(name, RULES.strict);
    find();
    expect(waits).toEqual([]);
  });
});

test('does not test a kernel whose table has no units', () => {
  const made = double({ kernel: 'dragonfly' });
  const kernel = made.bind();
  const list = listFor(kernel.words, 8);
  const calls = syscallsOf(() => kernel);
  expect(findTimerUnits(kernels.dragonfly, calls, list)).toBe('milliseconds');
  expect(made.calls).toEqual([]);
});
