// Random programs: steps that are plain data, so that a failing program shrinks
// to a few steps. A step without a meaning at its place is skipped.
import fc from 'fast-check';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EV_RECEIPT,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
  EVFILT_EXCEPT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_WRITE,
  NOTE_ABSOLUTE,
  NOTE_FFAND,
  NOTE_FFCOPY,
  NOTE_FFOR,
  NOTE_LOWAT,
  NOTE_SECONDS,
  NOTE_TRIGGER,
  NOTE_USECONDS,
} from '../conformance/constants.js';
import { type Entry, NEVER } from './reference.js';

/** A change; for descriptor filters `ident` is the place of a descriptor. */
export type Change = Entry;

export type Step =
  | { op: 'pipe' | 'socketpair'; at: number; to: number }
  | { op: 'dup'; at: number; to: number }
  | { op: 'close'; at: number; elsewhere: boolean }
  | { op: 'write' | 'read'; at: number; count: number }
  | { op: 'shut'; at: number }
  | { op: 'kqueue'; queue: number }
  | { op: 'kevent'; queue: number; changes: Change[]; nevents: number };

export interface Program {
  /** Which objects there are to begin with. */
  readonly start: readonly ('pipe' | 'socketpair')[];
  readonly steps: readonly Step[];
}

export interface Size {
  /** How many descriptors can be open at once. */
  readonly places: number;
  readonly objects: number;
  readonly queues: number;
  readonly steps: number;
  readonly changes: number;
  readonly sockets: boolean;
}

const anyBits = (bits: readonly number[]): fc.Arbitrary<number> =>
  fc
    .subarray([...bits])
    .map((some) => some.reduce((all, bit) => all | bit, 0) >>> 0);

const CREATION = [
  EV_ENABLE,
  EV_DISABLE,
  EV_ONESHOT,
  EV_CLEAR,
  EV_RECEIPT,
  EV_DISPATCH,
  EV_UDATA_SPECIFIC,
];

const LEGAL = EV_ADD | EV_DISPATCH | EV_UDATA_SPECIFIC;

const flags = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(EV_ADD, EV_ADD | EV_CLEAR) },
  { weight: 5, arbitrary: anyBits(CREATION).map((some) => some | EV_ADD) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      0,
      EV_DELETE,
      EV_ENABLE,
      EV_DISABLE,
      EV_ENABLE | EV_UDATA_SPECIFIC,
      EV_DISABLE | EV_UDATA_SPECIFIC,
      EV_DELETE | EV_UDATA_SPECIFIC,
    ),
  },
  {
    weight: 1,
    // Where VANISHED would be legal it says nothing here: D17 has its tests.
    arbitrary: anyBits([
      ...CREATION,
      EV_ADD,
      EV_DELETE,
      EV_VANISHED,
      0xf000,
    ]).map((some) => ((some & LEGAL) === LEGAL ? some & ~EV_VANISHED : some)),
  },
);

const udata = fc.nat(2);

const descriptorChange = ({ places, sockets }: Size): fc.Arbitrary<Change> =>
  fc.record({
    ident: fc.nat(places - 1),
    filter: sockets
      ? fc.constantFrom(EVFILT_READ, EVFILT_READ, EVFILT_WRITE, EVFILT_EXCEPT)
      : fc.constantFrom(EVFILT_READ, EVFILT_READ, EVFILT_WRITE),
    flags,
    fflags: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constant(NOTE_LOWAT) },
    ),
    data: fc.constantFrom(0, 3, 9, -1),
    udata,
  });

const userChange: fc.Arbitrary<Change> = fc.record({
  ident: fc.nat(3),
  filter: fc.constant(EVFILT_USER),
  flags,
  fflags: fc
    .tuple(
      fc.constantFrom(0, 0, NOTE_TRIGGER),
      fc.constantFrom(0, NOTE_FFAND, NOTE_FFOR, NOTE_FFCOPY),
      fc.nat(7),
    )
    .map(([trigger, control, value]) => (trigger | control | value) >>> 0),
  data: fc.integer({ min: -2, max: 2 }),
  udata,
});

const timerChange: fc.Arbitrary<Change> = fc
  .tuple(
    fc.constantFrom(
      0,
      NOTE_SECONDS,
      NOTE_SECONDS | NOTE_ABSOLUTE,
      NOTE_SECONDS | NOTE_USECONDS,
    ),
    fc.constantFrom(0, -1, NEVER),
    fc.nat(2),
    flags,
    udata,
  )
  .map(([fflags, data, ident, flags, udata]) => ({
    ident,
    filter: EVFILT_TIMER,
    flags,
    fflags,
    // A negative absolute moment is out of range.
    data: (fflags & NOTE_ABSOLUTE) === 0 ? data : Math.abs(data),
    udata,
  }));

const oddChange: fc.Arbitrary<Change> = fc.record({
  ident: fc.nat(3),
  filter: fc.constantFrom(0, 1, -3, -12, -19),
  flags,
  fflags: fc.constant(0),
  data: fc.constant(0),
  udata,
});

const change = (size: Size): fc.Arbitrary<Change> =>
  fc.oneof(
    { weight: 12, arbitrary: descriptorChange(size) },
    { weight: 5, arbitrary: userChange },
    { weight: 2, arbitrary: timerChange },
    { weight: 1, arbitrary: oddChange },
  );

function step(size: Size): fc.Arbitrary<Step> {
  const at = fc.nat(size.places - 1);
  const to = at;
  const queue = fc.nat(size.queues - 1);
  const count = fc.integer({ min: 1, max: 6 });
  const op = <Name extends string>(...names: Name[]) =>
    fc.constantFrom(...names);
  const steps: fc.WeightedArbitrary<Step>[] = [
    {
      weight: 14,
      arbitrary: fc.record({
        op: op('kevent'),
        queue,
        changes: fc.array(change(size), { maxLength: size.changes }),
        nevents: fc.constantFrom(0, 1, 2, 3, 8, 256),
      }),
    },
    {
      weight: 7,
      arbitrary: fc.record({ op: op('write'), at, count }),
    },
    { weight: 5, arbitrary: fc.record({ op: op('read'), at, count }) },
    {
      weight: 2,
      arbitrary: fc.record({ op: op('close'), at, elsewhere: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ op: op('dup'), at, to }) },
    {
      weight: 1,
      arbitrary: fc.record({
        op: size.sockets ? op('pipe', 'socketpair') : op('pipe'),
        at,
        to,
      }),
    },
  ];
  if (size.queues > 1) {
    const again = fc.record({ op: op('kqueue'), queue });
    steps.push({ weight: 1, arbitrary: again });
  }
  if (size.sockets) {
    steps.push({ weight: 1, arbitrary: fc.record({ op: op('shut'), at }) });
  }
  return fc.oneof(...steps);
}

export const program = (size: Size): fc.Arbitrary<Program> =>
  fc.record({
    start: fc.array(
      size.sockets
        ? fc.constantFrom<('pipe' | 'socketpair')[]>('pipe', 'socketpair')
        : fc.constant<'pipe'>('pipe'),
      { minLength: 1, maxLength: size.objects },
    ),
    steps: fc.array(step(size), {
      minLength: 1,
      maxLength: size.steps,
      size: 'max',
    }),
  });
