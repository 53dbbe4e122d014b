// A hundred thousand calls with arguments of every kind: each ends in one of
// the promised ways, and no descriptor is touched that was not ours.
//
// KQUEUE_FFI_FUZZ_CALLS and KQUEUE_FFI_FUZZ_SEED say how many, and which.
import { fstatSync } from 'node:fs';
import * as abi from '../../src/abi.js';
import * as keventList from '../../src/calls/kevent-list.js';
import * as syscalls from '../../src/calls/syscalls.js';
import * as errors from '../../src/errors.js';
import * as api from '../../src/index.js';
import { wordsOf } from '../../src/memory/kevent-memory.js';
import * as timespec from '../../src/memory/timespec.js';
import { descriptors, file, isolate, pipe } from '../conformance/world.js';
import {
  bigints,
  chance,
  farNumbers,
  oddities,
  oddNumbers,
  revoked,
  smallNumbers,
  theirs,
} from '../support/oddities.js';

const CALLS = Number(process.env.KQUEUE_FFI_FUZZ_CALLS ?? 100_000);
const SEED = Number(process.env.KQUEUE_FFI_FUZZ_SEED ?? 0x6b71);

isolate();
jest.setTimeout(60_000 + CALLS);

const random = chance(SEED);
const pick = <T>(all: readonly T[]): T =>
  all[Math.floor(random() * all.length)];
const several = <T>(make: () => T): T[] =>
  Array.from({ length: Math.floor(random() * 5) }, make);

// ---- what there is ----------------------------------------------------------

class Sublist extends api.KeventList {
  override get length(): number {
    throw theirs;
  }
}

const frozen = new api.KeventList(2);
Object.freeze(frozen);
const lists: readonly api.KeventList[] = [
  new api.KeventList(1),
  new api.KeventList(8),
  new Sublist(4),
  frozen,
];
const hasWide = api.kernel.abi === 'darwin';
const wideLists = hasWide ? [1, 8].map((n) => new api.Kevent64List(n)) : [];
const listTypes = [api.KeventList, api.Kevent64List, Sublist];
const otherLayouts = Object.values<abi.KernelFacts>(abi.kernels).flatMap(
  (facts) =>
    facts.cpus.map((cpu) =>
      keventList.listFor(wordsOf(abi.layoutOf(facts, cpu, 'kevent')), 2),
    ),
);
const similarObjects: readonly unknown[] = [
  api.KeventList,
  api.KeventList.prototype,
  Object.create(api.KeventList.prototype),
  new Proxy(new api.KeventList(1), {}),
  revoked(new api.KeventList(1)),
  new api.Timespec(0, 0),
];
const kernels: readonly unknown[] = [
  ...Object.keys(abi.kernels),
  ...Object.values(abi.kernels),
];

/** Queues that are open, and descriptors that must stay so. */
const queues: number[] = [];
const sentinels: number[] = [];

// ---- arguments --------------------------------------------------------------

const anything = (): unknown =>
  pick([
    () => pick(oddities),
    () => pick(oddNumbers),
    () => pick(farNumbers),
    () => pick(bigints),
    () => pick(lists),
    () => pick(otherLayouts),
    () => pick(similarObjects),
    () => pick(kernels),
    kevent,
  ])();

/** Mostly right. */
const mostly = (right: () => unknown): unknown =>
  random() < 0.95 ? right() : anything();

/** A queue of this test, an unused number, or not a descriptor at all. */
const descriptor = (): unknown =>
  mostly(() => pick([...queues, ...farNumbers]));

const integer = (): unknown =>
  mostly(() => pick<unknown>([...smallNumbers, ...bigints]));

const bits = (): number => Math.floor(random() * 2 ** 16);
const FLAGS = [0x01, 0x02, 0x05, 0x11, 0x21, 0x41, 0x81];
const FILTERS = Object.values(abi.darwin.groups.filter);
const IDENTS = [1, 2n, ...farNumbers];

function kevent(): unknown {
  const made: Record<string, unknown> = {
    ident: mostly(() => pick([...sentinels, ...queues, ...IDENTS])),
    filter: mostly(() => pick(FILTERS)),
    flags: mostly(() => (random() < 0.7 ? pick(FLAGS) : bits())),
    fflags: mostly(() => (random() < 0.5 ? 0 : bits())),
    data: mostly(integer),
    udata: mostly(integer),
  };
  const name = pick(Object.keys(made));
  if (random() < 0.1) delete made[name];
  if (random() < 0.05) made.ext = anything();
  if (random() < 0.1) Object.defineProperty(made, name, { get: meddle });
  return made;
}

/** Actions of a getter in the middle of a call. */
function meddle(): number {
  pick([
    () => api.kevent(pick(queues), null, null, 0),
    () => api.kevent(pick(queues), [{ ident: 1, filter: -10 }], pick(lists), 0),
    () => pick(lists).clear(),
    () => pick(lists).push({ ident: 1, filter: -10 }),
    () => closeQueue(pick(queues)),
    () => {
      throw theirs;
    },
  ])();
  return 1;
}

const changelist = (): unknown =>
  pick([() => null, () => pick(lists), () => several(kevent), anything])();

/** One that does not wait, or none at all. */
const timeout = (): unknown => {
  const value = pick([
    () => pick<unknown>([0, -0, 1e-6, Number.MIN_VALUE]),
    () => ({ tv_sec: 0, tv_nsec: pick<unknown>([0, 1, 1n, -1]) }),
    anything,
  ])();
  const waits = typeof value === 'number' && value >= 1;
  return value === null || value === undefined || waits ? 0 : value;
};

// ---- calls ------------------------------------------------------------------

type Call = (...args: unknown[]) => unknown;

/** A function of ours, as JavaScript that knows no types calls it. */
const untyped = (fn: unknown): Call => fn as Call;
const construct = (type: unknown, ...args: unknown[]): unknown =>
  Reflect.construct(type as new () => unknown, args);

function openQueue(): void {
  if (queues.length < 8) queues.push(untyped(api.kqueue)(anything()) as number);
}

function closeQueue(fd: unknown): void {
  untyped(api.close)(fd);
  queues.splice(queues.indexOf(fd as number), 1);
}

const METHODS = Reflect.ownKeys(api.KeventList.prototype).filter(
  (key) => !['constructor', 'length', 'capacity'].includes(String(key)),
);

function useList(): unknown {
  const list = mostly(() => pick([...lists, ...wideLists]));
  const name = pick(METHODS);
  const method = Reflect.get(api.KeventList.prototype, name);
  const argument = name === 'push' ? kevent() : integer();
  const result = Reflect.apply(method, list, [argument]);
  return name === Symbol.iterator ? [...(result as Iterable<unknown>)] : result;
}

function callKevent(): unknown {
  const eventlist = mostly(() => pick([null, ...lists]));
  const waiting = eventlist === null ? anything() : timeout();
  return untyped(api.kevent)(descriptor(), changelist(), eventlist, waiting);
}

function callKevent64(): unknown {
  const changes = pick([() => null, () => pick(wideLists), changelist])();
  const eventlist = mostly(() => pick([null, ...wideLists]));
  const waiting = eventlist === null ? anything() : timeout();
  const flags = mostly(() => pick([0, 1, 2, 3, 0x80]));
  const kq = descriptor();
  return untyped(api.kevent64)(kq, changes, eventlist, flags, waiting);
}

/** A static of the lists, by whichever constructor. */
const of = (): unknown =>
  Reflect.apply(
    api.KeventList.of,
    mostly(() => pick(listTypes)),
    several(kevent),
  );

const layout = (): unknown =>
  untyped(abi.layoutOf)(
    pick(Object.values(abi.kernels)),
    mostly(() => pick(['x64', 'arm64', 'ia32', 'arm'])),
    mostly(() => pick(['kevent', 'timespec'])),
  );

/** Every public function, and a call of it. */
const TARGETS: Readonly<Record<string, () => unknown>> = {
  kqueue: openQueue,
  kevent: callKevent,
  close: () => closeQueue(descriptor()),
  KeventList: () => construct(api.KeventList, mostly(integer)),
  'KeventList.of': of,
  kevent64: callKevent64,
  Kevent64List: () => construct(api.Kevent64List, mostly(integer)),
  'KeventList.prototype': useList,
  Timespec: () => construct(api.Timespec, integer(), integer()),
  'Timespec.fromMilliseconds': () =>
    untyped(api.Timespec.fromMilliseconds)(anything()),
  KqueueError: () => construct(api.KqueueError, 'text', anything(), anything()),
  layoutOf: layout,
  errnoName: () =>
    untyped(abi.errnoName)(
      mostly(() => pick(kernels)),
      integer(),
    ),
  fflagNames: () =>
    untyped(abi.fflagNames)(
      mostly(() => pick(kernels)),
      integer(),
      integer(),
    ),
  filterName: () =>
    untyped(abi.filterName)(
      mostly(() => pick(kernels)),
      integer(),
    ),
  flagNames: () =>
    untyped(abi.flagNames)(
      mostly(() => pick(kernels)),
      integer(),
    ),
  signalName: () =>
    untyped(abi.signalName)(
      mostly(() => pick(kernels)),
      integer(),
    ),
};

const NAMES = Object.keys(TARGETS);
/** With those more often that have more to them. */
const WEIGHTED = NAMES.concat(
  Array(10).fill('kevent'),
  Array(4).fill('KeventList.prototype'),
  Array(2).fill('kqueue'),
);

const isPromised = (error: unknown): boolean =>
  error === theirs ||
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof api.KqueueError;

/** The modules that the three calls and their lists are made of. */
const CALLS_AND_LISTS = { ...syscalls, ...keventList, ...timespec, ...errors };

test('covers every public function of the calls, lists and tables', () => {
  const names = Object.entries({ ...api, ...abi })
    .filter(([, value]) => typeof value === 'function')
    .map(([name]) => name)
    .filter((name) => name in CALLS_AND_LISTS || name in abi);
  expect(names.sort()).toEqual(
    NAMES.filter((name) => !name.includes('.')).sort(),
  );
});

test('functions return or throw as documented for any arguments', () => {
  sentinels.push(...pipe(), ...pipe(), file(10).fd);
  const identities = () =>
    sentinels.map((fd) => {
      const { dev, ino } = fstatSync(fd);
      return `${fd} is ${dev}:${ino}`;
    });
  const [before, openBefore] = [identities(), descriptors()];

  const outcomes = new Map<string, number>();
  for (let i = 0; i < CALLS; i++) {
    const name = pick(WEIGHTED);
    let outcome = 'returned';
    try {
      TARGETS[name]();
    } catch (error) {
      if (!isPromised(error)) {
        throw new Error(`seed ${SEED}, call ${i}, ${name}, threw`, {
          cause: error,
        });
      }
      outcome = error === theirs ? 'theirs' : (error as Error).name;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  for (const kq of queues.splice(0)) api.close(kq);

  expect(identities()).toEqual(before);
  expect(descriptors()).toEqual(openBefore);
  // It was worth trying: each outcome came often.
  for (const name of [
    'returned',
    'theirs',
    'TypeError',
    'RangeError',
    'KqueueError',
  ]) {
    expect([name, (outcomes.get(name) ?? 0) > 100]).toEqual([name, true]);
  }
});
