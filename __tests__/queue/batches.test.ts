// A batch has the results of its steps made one by one: the same answers, the
// same registrations in the kernel, and the same in the queue's own tables.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { kernels } from '../../src/abi/kernels.js';
import type { KernelFacts } from '../../src/abi/shape.js';
import type { KeventList } from '../../src/calls/kevent-list.js';
import {
  type Change,
  close as closeQueue,
  EV_ADD,
  EVFILT_READ,
  EVFILT_TIMER,
  Kqueue,
  kevent,
  kqueue,
  KeventList as List,
  type Step,
} from '../../src/index.js';
import type { KeventInit } from '../../src/memory/kevent.js';
import { Changer } from '../../src/queue/changer.js';
import { encoderOf } from '../../src/queue/encoder.js';
import { Registry } from '../../src/queue/registry.js';
import { close, pipe } from '../conformance/libc.js';
import { openCount } from '../support/fds.js';

type Receipts = 'all' | 'none' | 'not of timers' | 'not of reads';
const RECEIPTS: readonly Receipts[] = [
  'all',
  'none',
  'not of timers',
  'not of reads',
];

interface Knote {
  flags: number;
  fflags: number;
  data: number | bigint;
  udata: number | bigint;
  isEnabled: boolean;
  isTriggered: boolean;
}

/** A small hash of a text, the same in every run. */
function hash(text: string): number {
  let value = 17;
  for (let i = 0; i < text.length; i++) {
    value = (value * 31 + text.charCodeAt(i)) % 65_521;
  }
  return value;
}

/** A kernel in JavaScript that refuses some records by their content. */
class RefusingKernel {
  readonly knotes = new Map<string, Knote>();
  calls = 0;
  /** Calls that would have collected events, which are then lost. */
  collections = 0;
  readonly #facts: KernelFacts;
  readonly #receipts: Receipts;
  readonly #salt: number;

  /** @param salt What it refuses depends on it: nothing with a negative one. */
  constructor(facts: KernelFacts, receipts: Receipts, salt: number) {
    this.#facts = facts;
    this.#receipts = receipts;
    this.#salt = salt;
  }

  readonly send = (
    records: readonly KeventInit[],
    entries: KeventList | null,
  ): number => {
    const { EV_ERROR, EV_RECEIPT } = this.#facts.constants;
    this.calls++;
    entries?.clear();
    for (const record of records) {
      const errno = this.#change(record);
      if (entries === null) {
        if (errno !== 0) return errno;
        continue;
      }
      const wanted = ((record.flags ?? 0) & EV_RECEIPT) !== 0;
      if (errno === 0 && !(wanted && this.#hasReceipt(record.filter))) continue;
      const { ident, filter } = record;
      entries.push({ ident, filter, flags: EV_ERROR, data: errno });
    }
    if (entries?.length === 0) this.collections++;
    return 0;
  };

  #hasReceipt(filter: number): boolean {
    const { EVFILT_TIMER, EVFILT_READ } = this.#facts.constants;
    if (this.#receipts === 'not of timers') return filter !== EVFILT_TIMER;
    if (this.#receipts === 'not of reads') return filter !== EVFILT_READ;
    return this.#receipts === 'all';
  }

  /** As a queue without registrations answers an addition. */
  readonly rehearse = ({ ident, filter, ...given }: KeventInit): number => {
    const { constants, errno } = this.#facts;
    const { flags = 0, fflags = 0, data = 0 } = given;
    const { EV_ONESHOT, EV_CLEAR, EV_DISPATCH } = constants;
    if (ident === -1n) return errno.EBADF;
    const kept = flags & (EV_ONESHOT | EV_CLEAR | EV_DISPATCH);
    const key = `${filter} ${ident}`;
    return this.#refuses(key, false, kept, fflags, data) ? errno.ERANGE : 0;
  };

  #refuses(...content: readonly unknown[]): boolean {
    const text = [this.#salt, ...content].join();
    return this.#salt >= 0 && hash(text) % 3 === 0;
  }

  #change({ ident, filter, ...given }: KeventInit): number {
    const { constants, errno } = this.#facts;
    const { flags = 0, fflags = 0, data = 0, udata = 0 } = given;
    const { EV_ADD, EV_DELETE, EV_ENABLE, EV_DISABLE } = constants;
    const { EV_ONESHOT, EV_CLEAR, EV_DISPATCH, NOTE_TRIGGER } = constants;
    if (ident === -1n) return errno.EBADF;
    const key = `${filter} ${ident}`;
    const old = this.knotes.get(key);
    if (old === undefined && (flags & EV_ADD) === 0) return errno.ENOENT;
    const isDeletion = (flags & EV_DELETE) !== 0;
    // They do not change after creation, so a change is judged by the old ones.
    const kept = old?.flags ?? flags & (EV_ONESHOT | EV_CLEAR | EV_DISPATCH);
    if (this.#refuses(key, isDeletion, kept, fflags, data)) return errno.ERANGE;
    if (isDeletion) {
      this.knotes.delete(key);
      return 0;
    }
    const isTrigger =
      filter === constants.EVFILT_USER && (fflags & NOTE_TRIGGER) !== 0;
    const knote = old ?? {
      flags: kept,
      fflags: 0,
      data: 0,
      udata: 0,
      isEnabled: true,
      isTriggered: false,
    };
    if (isTrigger) knote.isTriggered = true;
    else knote.fflags = fflags;
    knote.data = data;
    knote.udata = udata;
    if ((flags & EV_ENABLE) !== 0) knote.isEnabled = true;
    if ((flags & EV_DISABLE) !== 0) knote.isEnabled = false;
    this.knotes.set(key, knote);
    return 0;
  }
}

/** A queue's changes over such a kernel. */
class Subject {
  readonly kernel: RefusingKernel;
  readonly #registry = new Registry(true, 0);
  readonly #changer: Changer;

  constructor(
    facts: KernelFacts,
    receipts: Receipts,
    salt: number,
    isRehearsed = true,
  ) {
    this.kernel = new RefusingKernel(facts, receipts, salt);
    this.#changer = new Changer(
      facts,
      encoderOf(facts),
      this.#registry,
      isRehearsed ? this.kernel.rehearse : () => 0,
    );
  }

  apply(
    steps: readonly Step[],
  ): { readonly step: Step; readonly error: string | undefined }[] {
    return this.#changer
      .apply(steps, this.kernel.send)
      .map(({ step, error }) => ({ step, error: error?.message }));
  }

  /** The registrations of the queue, oldest first. */
  registered(): readonly object[] {
    return [...this.#registry.requests()].map((request) => {
      const found = this.#registry.find(request);
      return { request, token: found?.token, udata: found?.udata };
    });
  }
}

const timers = fc.oneof(
  fc.record({ every: fc.constantFrom(1, 2, 3) }),
  fc.record({ after: fc.constantFrom(1, 2) }),
  fc.record({ at: fc.constant(1_000) }),
);
const keys = fc.oneof(
  fc.record({ filter: fc.constant('user'), id: fc.constantFrom(1, 2) }),
  fc.record({ filter: fc.constant('timer'), id: fc.constantFrom(1, 2) }),
  fc.record({ filter: fc.constant('read'), fd: fc.constantFrom(1, 2) }),
  fc.record({ filter: fc.constant('proc'), pid: fc.constantFrom(1, 2) }),
);
const options = fc.record(
  {
    clear: fc.boolean(),
    oneshot: fc.boolean(),
    dispatch: fc.boolean(),
    disabled: fc.boolean(),
    udata: fc.constantFrom('a', 'b', undefined),
  },
  { requiredKeys: [] },
);
const details = fc.record({
  lowWater: fc.constantFrom(undefined, 2, 3),
  notes: fc.constantFrom('exit', 'fork', ['exit', 'fork']),
});
const steps = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        fc.constantFrom('add', 'add', 'modify', 'enable', 'disable', 'delete'),
        keys,
        timers,
        options,
        details,
      )
      .map(([op, key, timer, given, { lowWater, notes }]) => ({
        op,
        ...key,
        ...(key.filter === 'timer' ? timer : {}),
        ...(key.filter === 'read' ? { lowWater } : {}),
        ...(key.filter === 'proc' ? { notes } : {}),
        ...given,
      })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('trigger'),
      id: fc.constantFrom(1, 2),
      fflags: fc.constantFrom(undefined, 1, 2),
    }),
  },
) as fc.Arbitrary<Step>;

const batches = fc.array(fc.array(steps, { minLength: 1, maxLength: 8 }), {
  minLength: 1,
  maxLength: 5,
});

describe.each(['darwin', 'freebsd', 'netbsd'] as const)('on %s', (name) => {
  const facts: KernelFacts = kernels[name];
  const isKnown = (step: Step): boolean => {
    try {
      const encoder = encoderOf(facts);
      if (step.op === 'trigger') encoder.trigger(step);
      else encoder.change(step as Change);
      return true;
    } catch {
      return false;
    }
  };

  test.each(RECEIPTS)(
    'a batch has the same effect as its steps one by one: receipts %s',
    (receipts) => {
      fc.assert(
        fc.property(batches, fc.nat(99), (given, salt) => {
          const together = new Subject(facts, receipts, salt);
          const apart = new Subject(facts, receipts, salt);
          for (const each of given) {
            const batch = each.filter(isKnown);
            const results = together.apply(batch);
            const expected = batch.flatMap((step) => apart.apply([step]));
            expect(results).toEqual(expected);
            expect(together.registered()).toEqual(apart.registered());
            expect(together.kernel.knotes).toEqual(apart.kernel.knotes);
            expect(together.kernel.collections).toBe(0);
          }
        }),
        { numRuns: 200 },
      );
    },
  );

  test.each([
    ['nothing', true],
    ['nothing but a trigger, where no other queue can be had', false],
  ])('a refused step changes %s', (_, isRehearsed) => {
    let refusals = 0;
    const property = fc.property(
      fc.array(steps, { maxLength: 20 }),
      fc.nat(99),
      (all, salt) => {
        const subject = new Subject(facts, 'all', salt, isRehearsed);
        const state = () => [
          subject.registered(),
          [...subject.kernel.knotes]
            .map(([key, { isTriggered, ...knote }]) => ({
              key,
              ...knote,
              // One that is restored has lost its trigger.
              isTriggered: isRehearsed && isTriggered,
            }))
            .sort((a, b) => (a.key < b.key ? -1 : 1)),
        ];
        for (const step of all.filter(isKnown)) {
          const before = state();
          const [{ error }] = subject.apply([step]);
          if (error === undefined) continue;
          refusals++;
          expect(state()).toEqual(before);
        }
      },
    );
    fc.assert(property, { numRuns: 200 });
    expect(refusals).toBeGreaterThan(200);
  });
});

describe('kernel calls', () => {
  const facts = kernels.darwin;

  test('one if no two steps have the same key', () => {
    for (const receipts of ['all', 'not of timers'] as const) {
      const subject = new Subject(facts, receipts, -1);
      const steps = [1, 2, 3].flatMap((id): Step[] => [
        { filter: 'user', id },
        { filter: 'read', fd: id },
        { filter: 'proc', pid: id, notes: 'exit' },
      ]);
      for (const expected of [1, 2]) {
        subject.apply(steps);
        expect(subject.kernel.calls).toBe(expected);
      }
      const others: Step[] = [
        { op: 'trigger', id: 1 },
        { op: 'disable', filter: 'user', id: 2 },
        { op: 'delete', filter: 'user', id: 3 },
        { op: 'modify', filter: 'proc', pid: 1, notes: 'fork' },
        // It is replaced: a deletion and an addition.
        { filter: 'read', fd: 2, oneshot: true },
      ];
      subject.apply(others);
      expect(subject.kernel.calls).toBe(3);
    }
  });

  test('one for each single step, and two for a first replacement', () => {
    const subject = new Subject(facts, 'all', -1);
    subject.apply([{ filter: 'user', id: 1 }]);
    subject.apply([{ op: 'trigger', id: 1 }]);
    subject.apply([{ op: 'modify', filter: 'user', id: 1 }]);
    expect(subject.kernel.calls).toBe(3);
    subject.apply([{ filter: 'user', id: 1, oneshot: true }]);
    expect(subject.kernel.calls).toBe(5);
    subject.apply([{ filter: 'user', id: 1, oneshot: false }]);
    expect(subject.kernel.calls).toBe(6);
  });

  test('one although steps are refused without a call', () => {
    const subject = new Subject(facts, 'all', -1);
    subject.apply([
      { filter: 'user', id: 1 },
      { filter: 'timer', id: 1, every: 1 },
    ]);
    subject.kernel.calls = 0;
    const missing = { filter: 'timer', id: 9 } as const;
    subject.apply([
      { filter: 'user', id: 2 },
      { op: 'enable', ...missing },
      { op: 'modify', ...missing, every: 1 },
      { op: 'disable', ...missing },
      { filter: 'user', id: 3 },
    ]);
    expect(subject.kernel.calls).toBe(1);
    // A trigger needs only the token, which a modification keeps.
    subject.apply([
      { op: 'disable', filter: 'user', id: 1 },
      { op: 'trigger', id: 1 },
      { op: 'trigger', id: 1 },
    ]);
    expect(subject.kernel.calls).toBe(2);
  });

  test('one more for all steps that depend on earlier ones', () => {
    const subject = new Subject(facts, 'all', -1);
    const users = [1, 2, 3].map((id) => ({ filter: 'user', id }) as const);
    subject.apply(users);
    subject.kernel.calls = 0;
    const toggles = (['disable', 'enable'] as const).flatMap((op) =>
      users.map((user): Step => ({ op, ...user })),
    );
    subject.apply(toggles);
    expect(subject.kernel.calls).toBe(2);
  });

  test('makes one call for steps that do not depend on the outcome of an earlier one', () => {
    const subject = new Subject(facts, 'all', -1);
    subject.apply([
      { filter: 'user', id: 1 },
      { filter: 'user', id: 2 },
    ]);
    subject.kernel.calls = 0;
    subject.apply([
      { filter: 'user', id: 3 },
      { op: 'trigger', id: 3 },
      { op: 'trigger', id: 1 },
      { op: 'delete', filter: 'user', id: 1 },
      { op: 'delete', filter: 'user', id: 3 },
    ]);
    expect(subject.kernel.calls).toBe(1);
    subject.apply([
      { op: 'delete', filter: 'user', id: 2 },
      { filter: 'user', id: 2 },
    ]);
    expect(subject.kernel.calls).toBe(3);
  });
});

test.each([
  ['is not restored', 0, true],
  ['was gone already', kernels.darwin.errno.ENOENT, true],
  ['is restored', 0, false],
] as const)(
  'a replaced registration that %s is counted rightly',
  (_, deletion, isLost) => {
    const facts = kernels.darwin;
    const { EV_DELETE, EV_ERROR, EV_ONESHOT } = facts.constants;
    const registry = new Registry(true, 0);
    const changer = new Changer(facts, encoderOf(facts), registry, () => 0);
    const refusal = (flags: number): number => {
      if ((flags & EV_DELETE) !== 0) return deletion;
      const isRefused = (flags & EV_ONESHOT) !== 0 || isLost;
      return isRefused ? facts.errno.ENOMEM : 0;
    };
    changer.apply([{ filter: 'user', id: 1 }], () => 0);
    const results = changer.apply(
      [{ filter: 'user', id: 1, oneshot: true }],
      (records, entries) => {
        if (entries === null) return refusal(records[0].flags ?? 0);
        entries.clear();
        for (const { ident, filter, flags = 0 } of records) {
          const errno = ident === -1n ? facts.errno.EBADF : refusal(flags);
          entries.push({ ident, filter, flags: EV_ERROR, data: errno });
        }
        return 0;
      },
    );
    expect(results).toMatchObject([{ error: { code: 'ENOMEM' } }]);
    expect(registry.size).toBe(isLost ? 0 : 1);
  },
);

describe('with the kernel itself', () => {
  const huge = { ms: 2n ** 62n };
  const timer = { filter: 'timer', id: 1 } as const;
  const codes = (kq: Kqueue, steps: readonly Step[]) =>
    kq.apply(steps).map(({ error }) => error?.code ?? 'ok');

  test('a refused change of a timer does not keep the next from restarting it', () => {
    using kq = new Kqueue();
    kq.add({ ...timer, every: 60_000, udata: 'old' });
    expect(
      codes(kq, [
        { ...timer, every: huge, udata: 'new' },
        { op: 'modify', ...timer, every: 5 },
      ]),
    ).toEqual(['ERANGE', 'ok']);
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ udata: 'old' }]);
  });

  test('a refused replacement is restored before the next step of its key', () => {
    using kq = new Kqueue();
    kq.add({ ...timer, every: 60_000 });
    // A raw change is not tried on another queue first.
    const kevent = { ident: 1, filter: EVFILT_TIMER, data: 2n ** 62n };
    expect(
      codes(kq, [
        { filter: 'raw', kevent, dispatch: true },
        { op: 'delete', ...timer },
        { op: 'delete', ...timer },
      ]),
    ).toEqual(['ERANGE', 'ok', 'ENOENT']);
    expect(kq.size).toBe(0);
  });

  test('a refused addition leaves nothing for the next step to change', () => {
    using kq = new Kqueue();
    expect(
      codes(kq, [
        { ...timer, every: huge },
        { op: 'modify', ...timer, every: 5 },
        { op: 'enable', ...timer },
        { op: 'delete', ...timer },
        { ...timer, after: 1 },
      ]),
    ).toEqual(['ERANGE', 'ENOENT', 'ENOENT', 'ENOENT', 'ok']);
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ id: 1, count: 1 }]);
  });

  test.each([
    ['added', { ...timer, after: huge, udata: 'new' }],
    ['modified', { op: 'modify', ...timer, after: huge, udata: 'new' }],
  ] as [string, Step][])(
    'a timer continues if it is refused when %s again',
    (_, step) => {
      using kq = new Kqueue();
      kq.add({ ...timer, every: 1, udata: 'old' });
      expect(codes(kq, [step])).toEqual(['ERANGE']);
      expect(kq.size).toBe(1);
      for (let i = 0; i < 2; i++) {
        expect(kq.wait({ timeout: 5000 })).toMatchObject([{ udata: 'old' }]);
      }
      kq.delete(timer);
      expect(kq.size).toBe(0);
    },
  );

  test('a refused replacement of a timer loses no expiration', () => {
    using kq = new Kqueue();
    kq.add({ ...timer, every: 1 });
    const queue = kqueue();
    try {
      // Until the timer has expired.
      kevent(
        queue,
        [{ ident: kq.fd, filter: EVFILT_READ, flags: EV_ADD }],
        null,
      );
      expect(kevent(queue, null, new List(1), 5)).toBe(1);
    } finally {
      closeQueue(queue);
    }
    const before = openCount();
    expect(codes(kq, [{ ...timer, after: huge }])).toEqual(['ERANGE']);
    expect(kq.poll()).toHaveLength(1);
    expect(openCount()).toBe(before);
  });

  test('a refused replacement of a process loses no exit', async () => {
    using kq = new Kqueue();
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const proc = { filter: 'proc', pid: child.pid ?? 0 } as const;
    kq.add({ ...proc, notes: 'exit', udata: 'old' });
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const again: Step = { ...proc, notes: 'exit', dispatch: true };
    expect(codes(kq, [again])).toEqual(['ESRCH']);
    expect(kq.wait({ timeout: 5000 })).toMatchObject([{ udata: 'old' }]);
  });

  test('later steps of a key see the results of earlier ones', () => {
    const [reader, writer] = pipe();
    const key = { filter: 'read', fd: reader } as const;
    try {
      using kq = new Kqueue();
      kq.add({ ...key, udata: 'old' });
      expect(
        codes(kq, [
          { ...key, disabled: true, udata: 'new' },
          { op: 'enable', ...key },
          { filter: 'read', fd: 2 ** 30 },
          { op: 'delete', ...key },
          { op: 'delete', ...key },
          { op: 'modify', ...key },
          key,
        ]),
      ).toEqual(['ok', 'ok', 'EBADF', 'ok', 'ENOENT', 'ENOENT', 'ok']);
      expect(kq.size).toBe(1);
    } finally {
      close(reader);
      close(writer);
    }
  });

  test('a step that cannot be encoded prevents all steps', () => {
    using kq = new Kqueue();
    const kevent = { ident: 1, filter: -10, fflags: 2 ** 40 };
    expect(() =>
      kq.apply([
        { filter: 'user', id: 1 },
        { op: 'disable', filter: 'user', id: 1 },
        { filter: 'raw', kevent },
      ]),
    ).toThrow(RangeError);
    expect(kq.size).toBe(0);
    kq.add({ filter: 'user', id: 1 });
    // It would be replaced, as its flags differ.
    expect(() => kq.add({ filter: 'raw', kevent })).toThrow(RangeError);
    kq.trigger(1);
    expect(kq.poll()).toHaveLength(1);
  });
});
