// Random calls of the typed queue, the helpers and what explains, with hostile
// objects among the arguments: getters that throw, that close the queue or
// change it in the middle of a call, revoked Proxies, arrays of any length.
// Whatever they are given, each call ends in a documented way, and nothing is
// touched that is not theirs.
//
// KQUEUE_FFI_FUZZ_CALLS and KQUEUE_FFI_FUZZ_SEED say how many, and which.
import { fstatSync } from 'node:fs';
import { types } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { memoryOf } from '../../src/calls/kevent-list.js';
import * as api from '../../src/index.js';
import * as libc from '../conformance/libc.js';
import {
  descriptors,
  file,
  isolate,
  path,
  pipe,
} from '../conformance/world.js';
import { reap, sleeper } from '../faults/child.js';
import { onLinux } from '../support/fds.js';
import {
  bigints,
  chance,
  farNumbers,
  oddities,
  oddNumbers,
  revoked,
  theirs,
} from '../support/oddities.js';

const CALLS = Number(process.env.KQUEUE_FFI_FUZZ_CALLS ?? 10_000);
const SEED = Number(process.env.KQUEUE_FFI_FUZZ_SEED ?? 3);
/** So many calls in one turn of the event loop. */
const TURN = 200;

// The library copies its globals when it is loaded: here it reads them each
// time.
jest.mock('../../src/host/globals.js', () => ({
  ...jest.requireActual('../../src/host/globals.js'),
  setImmediate: (run: () => void) => globalThis.setImmediate(run),
}));

isolate();
jest.setTimeout(60_000 + CALLS * 4);

const random = chance(SEED);
const pick = <T>(all: readonly T[]): T =>
  all[Math.floor(random() * all.length)];
const oneOf = (makes: readonly (() => unknown)[]): unknown => pick(makes)();
const upTo = (count: number): number => Math.floor(random() * count);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Functions of ours, as JavaScript that knows no types calls them. */
type Call = (...args: unknown[]) => unknown;

// ---- what there is ----------------------------------------------------------

type Queue = api.Kqueue<unknown>;
const queues: Queue[] = [];
/**
 * All queues ever created; those with pending waits may be unreachable
 * otherwise.
 */
const everyQueue: WeakRef<Queue>[] = [];
const make = (): void => {
  const made = new api.Kqueue<unknown>();
  everyQueue.push(new WeakRef(made));
  queues.push(made);
};
const iterators: AsyncIterator<unknown>[] = [];
const subscriptions: api.Subscription[] = [];
const controllers: AbortController[] = [];
/** Descriptors that must stay as they are. */
const sentinels: number[] = [];
let pid = 0;
let at = '';

const CANARY = 0x5ca1ab1e;
const CAPACITY = 4;

/** Adjacent lists; the outer ones are never passed to a call. */
const [before, filled, after] = Array.from(
  { length: 3 },
  () => new api.KeventList(CAPACITY),
);
const wordsOf = (list: api.KeventList): Int32Array =>
  memoryOf(list, 'look', 'list', 'a list').i32;
for (const canary of [before, after]) wordsOf(canary).fill(CANARY);

class Sublist extends api.KeventList {
  override get capacity(): number {
    throw theirs;
  }
}
const lists: readonly unknown[] = [
  filled,
  new Sublist(2),
  Object.setPrototypeOf(new api.KeventList(1), null),
  Object.setPrototypeOf(new api.KeventList(1), revoked({})),
];

/** Memory whose size changes. */
const resizable = (type: unknown): ArrayBuffer =>
  Reflect.construct(type as new () => ArrayBuffer, [8, { maxByteLength: 64 }]);
const buffers: readonly unknown[] = [
  resizable(ArrayBuffer),
  new Uint8Array(resizable(ArrayBuffer)),
  resizable(SharedArrayBuffer),
];

const queue = (): Queue => {
  if (queues.length === 0) make();
  const made = pick(queues);
  // Now and then a closed one.
  if (!made.closed || random() < 0.1) return made;
  queues.splice(queues.indexOf(made), 1);
  return queue();
};

// ---- arguments --------------------------------------------------------------

const anything = (): unknown =>
  oneOf([
    () => pick(oddities),
    () => pick(buffers),
    () => pick(oddNumbers),
    () => pick(farNumbers),
    () => pick(bigints),
    () => pick(lists),
    () => pick(queues),
    () => `${pick(oddNumbers)}`,
    () => ({ valueOf: () => 1, toString: () => 'read' }),
    () => ({ [Symbol.toPrimitive]: meddle }),
    key,
  ]);

const mostly = (right: () => unknown): unknown =>
  random() < 0.93 ? right() : anything();

/** Actions in the middle of a call, by a getter, a trap or a listener. */
function meddle(): unknown {
  return oneOf([
    () => {
      throw theirs;
    },
    () => random() < 0.3 && queue().close(),
    () => queue().poll(),
    () => untyped(queue(), 'add')({ filter: 'user', id: upTo(4) }),
    () => untyped(queue(), 'delete')({ filter: 'user', id: upTo(4) }),
    () => untyped(queue(), 'trigger')(upTo(4)),
    () => api.kevent(queue().fd, null, filled, 0),
    make,
    () => filled.clear(),
    () => pick(controllers)?.abort(theirs),
    () => 1,
  ]);
}

const FD_FILTERS = ['read', 'write', 'except', 'vnode'];
/** To close a watch of inotify may take 20 ms: these are not often there. */
const SLOW = 0.02;
const fd = (): unknown =>
  mostly(() =>
    oneOf([
      () => pick(sentinels),
      () => ({ fd: pick(sentinels) }),
      () => pick(queues)?.fd,
      () => pick(farNumbers),
    ]),
  );
const id = (): unknown =>
  mostly(() =>
    oneOf([() => upTo(4), () => BigInt(upTo(4)), () => pick(bigints)]),
  );
const TIMES = [1, 60_000, 0, { us: 500 }, { ns: 1n }, { s: 9, ms: 1 }, {}];
const NOTES = ['write', 'delete', ['write', 'attrib'], 'exit', 'nothing', []];
const FLAGS = ['clear', 'oneshot', 'dispatch', 'disabled'];

const hostileListeners: readonly unknown[] = [
  ...oddities.filter((odd) => typeof odd === 'function'),
  meddle,
];

/** The key of a registration, and most of its options. */
function key(): unknown {
  const filter =
    random() < SLOW
      ? 'vnode'
      : pick(['read', 'write', 'except', 'timer', 'user', 'proc', 'signal']);
  const made: Record<string, unknown> = { filter };
  if (FD_FILTERS.includes(filter)) made.fd = fd();
  if (filter === 'timer' || filter === 'user') made.id = id();
  if (filter === 'proc') made.pid = mostly(() => pick([pid, process.pid]));
  if (filter === 'signal') {
    made.signal = mostly(() => pick(['SIGUSR2', 'SIGWINCH', 'SIGNOT', 28]));
  }
  if (filter === 'timer') made[pick(['every', 'after', 'at'])] = pick(TIMES);
  if (filter === 'vnode' || filter === 'proc') made.notes = pick(NOTES);
  const isPipe = filter === 'read' || filter === 'write';
  const flags = isPipe && random() > SLOW ? FLAGS.slice(1) : FLAGS;
  if (random() < 0.3) made[pick(flags)] = mostly(() => true);
  if (random() < SLOW) made.lowWater = mostly(() => upTo(5));
  if (random() < 0.3) made.udata = anything();
  if (random() < 0.05) {
    return { filter: 'raw', kevent: mostly(rawKevent) };
  }
  return hostile(made);
}

const rawKevent = (): unknown => ({
  ident: pick([1, 2, ...sentinels]),
  filter: pick([-1, -2, -7, -9, -10, -13, -20]),
  flags: upTo(2 ** 12),
  fflags: random() < SLOW ? upTo(2 ** 8) : 0,
  data: upTo(4),
});

/** Sometimes with something in it that meddles. */
function hostile(made: Record<string, unknown>): unknown {
  const name = pick(Object.keys(made));
  const fate = random();
  if (fate < 0.04) delete made[name];
  else if (fate < 0.1) made[name] = anything();
  else if (fate < 0.16) Object.defineProperty(made, name, { get: meddle });
  else if (fate < 0.18) return new Proxy(made, { get: meddle });
  else if (fate < 0.19) return revoked(made);
  else if (fate < 0.2) return Object.setPrototypeOf({}, made);
  return made;
}

const step = (): unknown => {
  const made = key();
  if (random() < 0.5 || typeof made !== 'object' || made === null) return made;
  const op = pick(['add', 'modify', 'enable', 'disable', 'delete', 'trigger']);
  try {
    return { ...made, op, id: id() };
  } catch {
    return made;
  }
};

const steps = (): unknown =>
  mostly(() => {
    const made = Array.from({ length: upTo(6) }, step);
    return oneOf([
      () => made,
      () => made,
      () => new Proxy(made, {}),
      () => {
        // The array becomes another while it is read.
        const [first] = made;
        Object.defineProperty(made, 0, {
          configurable: true,
          get() {
            made.length = 1 + upTo(3);
            meddle();
            return first;
          },
        });
        return made;
      },
      () => Object.assign(made, { length: upTo(9) }),
      () => new Array(pick([3, 2 ** 20 + 1, 2 ** 32 - 1])),
      () => new Proxy([], { get: () => pick([2 ** 53, Number.NaN, theirs]) }),
    ]);
  });

const signal = (): unknown =>
  mostly(() =>
    oneOf([
      () => undefined,
      () => {
        const controller = new AbortController();
        controllers.push(controller);
        if (random() < 0.2) controller.abort(theirs);
        return controller.signal;
      },
    ]),
  );

const max = (): unknown => mostly(() => pick([1, 2, 64, 2 ** 20, 0, 1.5]));

/** Always with a timeout, since a blocking wait would not end. */
const soon = (): unknown => {
  const value = mostly(() => pick([0, 1e-3, -1, Number.NaN]));
  const isLong = typeof value === 'number' && value >= 1;
  return isLong || value === undefined || value === null ? 0 : value;
};

const options = (): unknown =>
  mostly(() => hostile({ signal: signal(), timeout: soon(), max: max() }));

/**
 * For the helpers, which report a value that is not an object as an engine
 * error.
 */
const given = (): unknown => options() ?? {};

// ---- calls ------------------------------------------------------------------

const untyped =
  (target: object, name: string | symbol): Call =>
  (...args) =>
    Reflect.apply(Reflect.get(target, name) as Call, target, args);

const onQueue = (name: string | symbol, ...args: unknown[]): unknown =>
  untyped(queue(), name)(...args);

const keep = (made: unknown): void => {
  iterators.push(made as AsyncIterator<unknown>);
};

/** Every public function of the upper tiers, and a call of it. */
const TARGETS: Readonly<Record<string, () => unknown>> = {
  Kqueue() {
    if (queues.length < 6) make();
  },
  'Kqueue.fromFd'() {
    const fresh = random() < 0.5 ? api.kqueue() : -1;
    const given = fresh < 0 ? mostly(() => pick(queues)?.fd) : fresh;
    try {
      const made = untyped(api.Kqueue, 'fromFd')(given) as Queue;
      everyQueue.push(new WeakRef(made));
      queues.push(made);
    } catch (error) {
      if (fresh >= 0) api.close(fresh);
      throw error;
    }
  },
  add: () => onQueue('add', ...Array.from({ length: upTo(4) }, key)),
  modify: () => onQueue('modify', key()),
  enable: () => onQueue('enable', key(), key()),
  disable: () => onQueue('disable', key()),
  delete: () => onQueue('delete', key()),
  trigger: () =>
    onQueue(
      'trigger',
      id(),
      mostly(() => upTo(2 ** 25)),
    ),
  apply: () => onQueue('apply', steps()),
  wait: () => onQueue('wait', { timeout: soon(), max: max() }),
  poll: () => onQueue('poll', ...(random() < 0.5 ? [] : [options()])),
  fill: () =>
    onQueue(
      'fill',
      mostly(() => pick(lists)),
      soon(),
    ),
  udataOf: () =>
    onQueue(
      'udataOf',
      mostly(() => pick(lists)),
      mostly(() => upTo(5)),
    ),
  next: () => onQueue('next', ...(random() < 0.5 ? [] : [options()])),
  events: () => keep(onQueue('events', ...(random() < 0.5 ? [] : [options()]))),
  iterator: () => keep(onQueue(Symbol.asyncIterator)),
  on() {
    const listener = () => {
      if (random() < 0.1) quietly(meddle);
    };
    const listeners = [listener, listener, ...hostileListeners];
    const made = onQueue(
      'on',
      mostly(() => pick(listeners)),
      options(),
    );
    subscriptions.push(made as api.Subscription);
  },
  ref: () => onQueue('ref'),
  unref: () => onQueue('unref'),
  getters: () =>
    ['fd', 'closed', 'size', 'pollable', 'driver'].map((name) =>
      Reflect.get(queue(), name),
    ),
  close: () => oneOf([() => onQueue('close'), () => onQueue(Symbol.dispose)]),
  asyncDispose: () => onQueue(Symbol.asyncDispose),
  elsewhere() {
    // On an object that is not a queue.
    const name = pick(['poll', 'add', 'close', 'next', 'ref']);
    const method = Reflect.get(api.Kqueue.prototype, name) as Call;
    const self = pick([new Proxy(queue(), {}), Object.create(queue()), {}]);
    return Reflect.apply(method, self, [key()]);
  },
  forget: () => void queues.splice(upTo(queues.length), 1),
  gc: () => random() < 0.005 && collectGarbage(),
  write: () => libc.write(sentinels[1], 1),
  read: () => libc.drain(sentinels[0]),
  'iterator.next': () => iterators.length > 0 && pick(iterators).next(),
  'iterator.return': () =>
    iterators.splice(upTo(iterators.length), 1)[0]?.return?.(),
  'iterator.throw': () =>
    iterators.splice(upTo(iterators.length), 1)[0]?.throw?.(theirs),
  stop: () => subscriptions.splice(upTo(subscriptions.length), 1)[0]?.stop(),
  abort: () =>
    controllers.splice(upTo(controllers.length), 1)[0]?.abort(theirs),
  explain: () =>
    untyped(api, 'explain')(
      mostly(() => oneOf([key, step, rawKevent, () => pick(lists)])),
      ...(random() < 0.7
        ? []
        : [mostly(() => ({ kernel: pick(['darwin', 'netbsd', 'mars']) }))]),
    ),
  exited: () =>
    untyped(api, 'exited')(
      mostly(() => pid),
      given(),
    ),
  interval: () =>
    keep(
      untyped(api, 'interval')(
        mostly(() => pick(TIMES)),
        given(),
      ),
    ),
  readable: () => keep(untyped(api, 'readable')(fd(), given())),
  writable: () => keep(untyped(api, 'writable')(fd(), given())),
  signals: () =>
    keep(
      untyped(api, 'signals')(
        mostly(() => 'SIGUSR2'),
        given(),
      ),
    ),
  watchFile: () =>
    random() < SLOW &&
    keep(
      untyped(api, 'watchFile')(
        mostly(() => at),
        given(),
      ),
    ),
};

const NAMES = Object.keys(TARGETS);
/** With those more often that have more to them. */
const RARE = [
  'exited',
  'interval',
  'readable',
  'writable',
  'signals',
  'watchFile',
  'close',
  'asyncDispose',
  'forget',
];
const WEIGHTED = [
  ...NAMES,
  ...NAMES.filter((name) => !RARE.includes(name)),
  ...['add', 'apply'].flatMap((name) => Array<string>(8).fill(name)),
];

function quietly(call: () => unknown): void {
  try {
    call();
  } catch {
    // Its content is not checked.
  }
}

// ---- outcomes -------------------------------------------------------------

/** Misuse in the one grammar. */
const GRAMMAR = /^Cannot .+ as '.+' must be .+: received /s;
/** What the engine says: of a dead Proxy, of a method on another object. */
const ENGINE =
  /proxy that has been revoked|private member|must be an instance of class Kqueue|^this\.\w+ is not a function|^Class constructors? .*cannot be invoked/;

/** Whether an error is one that is documented. */
function isPromised(error: unknown): boolean {
  if (error === theirs || error instanceof api.KqueueError) return true;
  if (error instanceof api.KqueueChangeError) return true;
  // By name: the error of a listener may belong to another realm.
  const isMisuse =
    types.isNativeError(error) && /^(Type|Range)Error$/.test(error.name);
  if (!isMisuse) return error instanceof libc.LibcError;
  return GRAMMAR.test(error.message) || ENGINE.test(error.message);
}

const unpromised: string[] = [];
const say = (i: number, name: string, error: unknown): void => {
  const text = error instanceof Error ? error.stack : String(error);
  unpromised.push(`seed ${SEED}, call ${i}, ${name}: ${text}`);
};

/**
 * An error of a listener is an uncaught exception: here it is caught and
 * assigned to its listener.
 */
function catchingUncaught(seen: (error: unknown) => void): () => void {
  const later = globalThis.setImmediate;
  const catching = (
    callback: (...args: unknown[]) => void,
    ...args: unknown[]
  ) =>
    later(() => {
      try {
        callback(...args);
      } catch (error) {
        seen(error);
      }
    });
  globalThis.setImmediate = catching as typeof setImmediate;
  return () => {
    globalThis.setImmediate = later;
  };
}

const isThenable = (value: unknown): value is Promise<unknown> =>
  value instanceof Promise;

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

/** All open descriptors. */
const now = (): readonly string[] => descriptors() ?? [];

const identities = (): string[] =>
  [0, 1, 2, ...sentinels].map((number) => {
    const { dev, ino } = fstatSync(number);
    return `${number} is ${dev}:${ino}`;
  });

onLinux(
  'random calls return or throw as documented, without side effects',
  async () => {
    // Sockets and pipes to children of earlier tests, which may close meanwhile.
    const earlier = new Set(
      now().filter((each) => / (socket|pipe):/.test(each)),
    );
    const [r, w] = pipe();
    libc.setNonblocking(w);
    sentinels.push(r, w, ...pipe(), file(10).fd);
    at = path('watched');
    pid = sleeper();
    const [open, files] = [now(), identities()];
    const control = new api.Kqueue<string>();
    control.add({ filter: 'user', id: 1, udata: 'control' });

    const outcomes = new Map<string, number>();
    const count = (outcome: string) =>
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    const stopCatching = catchingUncaught((error) => {
      count('uncaught');
      if (!isPromised(error)) say(CALLS, 'listener', error);
    });
    for (let i = 0; i < CALLS; i++) {
      const name = pick(WEIGHTED);
      try {
        const result = TARGETS[name]();
        count('returned');
        if (isThenable(result)) {
          result.catch((error: unknown) => {
            if (!isPromised(error)) say(i, name, error);
          });
        }
      } catch (error) {
        if (!isPromised(error)) say(i, name, error);
        count(error instanceof Error ? error.constructor.name : 'theirs');
      }
      if (i % TURN !== 0) continue;
      control.trigger(1, i & 0xffffff);
      expect(control.poll()).toMatchObject([{ udata: 'control' }]);
      for (const canary of [before, after]) {
        expect(wordsOf(canary).every((word) => word === CANARY)).toBe(true);
      }
      while (iterators.length > 8) await iterators.shift()?.return?.();
      while (subscriptions.length > 8) subscriptions.shift()?.stop();
      while (controllers.length > 50) controllers.shift();
      for (const made of queues.splice(8)) made.close();
      await turn();
    }

    for (const controller of controllers) controller.abort(theirs);
    for (const subscription of subscriptions) subscription?.stop();
    for (const iterator of iterators) await iterator?.return?.();
    queues.length = 0;
    for (const made of everyQueue) made.deref()?.close();
    control.close();
    reap();
    // A garbage-collected queue is closed when it is collected.
    const TURNS = 200;
    const left = (): string[] => {
      const all = now();
      return open.filter((each) => !earlier.has(each) || all.includes(each));
    };
    for (let i = 0; i < TURNS && `${now()}` !== `${left()}`; i++) {
      collectGarbage();
      await turn();
    }
    stopCatching();
    // A listener threw, and no other call was affected.
    expect(outcomes.get('uncaught')).toBeGreaterThan(0);
    expect(identities()).toEqual(files);
    if (process.env.KQUEUE_FFI_FUZZ_CALLS) console.log(SEED, CALLS, outcomes);
    expect(now()).toEqual(left());
    expect(unpromised.slice(0, 10)).toEqual([]);
  },
);
