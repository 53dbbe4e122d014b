// The matrix: each operation, with each of its native calls failing with each
// errno there is for it, once or from then on.

import { syscallsOf } from '../../src/calls/syscalls.js';
import type { Libc } from '../../src/ffi/libc.js';
import { type Kevent, KeventList, KqueueError } from '../../src/index.js';
import { LinuxKernel } from '../../src/linux/kernel.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_USER,
  NOTE_TRIGGER,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import { descriptors, dispose, pipe } from '../conformance/world.js';
import { reap } from './child.js';
import { ERRNOS, type Kind, MAKERS, SANDBOX } from './errnos.js';
import { type Call, type Fault, faultyLibc } from './faulty-libc.js';
import type { Key, Played, Scenario } from './scenarios.js';
import type { Stage } from './subjects.js';

/** One cell: an operation and what fails in it. */
export interface Cell {
  readonly scenario: Scenario;
  readonly fault: Fault;
  readonly kind: Kind;
}

export const nameOf = ({ scenario, fault }: Cell): string => {
  const { call, nth, errno, forEver } = fault;
  return `${scenario.name}: ${call} ${nth} ${errno}${forEver ? ' for ever' : ''}`;
};

/** The cells of an operation that makes these calls. */
export function cellsOf(
  scenario: Scenario,
  calls: readonly Call[],
): readonly Cell[] {
  const cells: Cell[] = [];
  const enter = (fault: Fault, kind: Kind) =>
    cells.push({ scenario, fault, kind });
  const counts = new Map<string, number>();
  for (const { name: call, isRefused } of calls) {
    const nth = counts.get(call) ?? 0;
    counts.set(call, nth + 1);
    if (isRefused) continue;
    const { lacks, claims } = ERRNOS[call];
    for (const errno of lacks) {
      enter({ call, nth, errno, forEver: false }, 'lack');
      if (nth > 0) continue;
      const kind = MAKERS.includes(call) ? 'lack' : 'claim';
      enter({ call, nth, errno, forEver: true }, kind);
    }
    for (const errno of claims) {
      enter({ call, nth, errno, forEver: false }, 'claim');
    }
    if (nth > 0) continue;
    for (const errno of SANDBOX) {
      if (lacks.includes(errno)) continue;
      enter({ call, nth, errno, forEver: true }, 'claim');
    }
    if (lacks.includes('EINTR')) continue;
    enter({ call, nth, errno: 'EINTR', forEver: false }, 'claim');
  }
  return cells;
}

/**
 * The errnos a shortage may be reported as: never one for something missing.
 */
const HONEST = [
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOSPC',
  'ENODEV',
  'ENOSYS',
  'ENOTSUP',
  'EPERM',
  'EACCES',
  'EINTR',
  'EIO',
  'EDQUOT',
];

const USER = { ident: 1000, filter: EVFILT_USER };
const LATCHED = { ident: 1001, filter: EVFILT_USER };

const keyOf = ({ ident, filter }: Key): string => `${filter} ${ident}`;

/** The minimum number of polls and milliseconds to wait for an event. */
const POLLS = 6;
const LATEST = 200;

/** How an operation went. */
export interface Outcome {
  /** The broken promises. */
  readonly wrong: readonly string[];
  /** The native calls of the operation. */
  readonly calls: readonly Call[];
  /** Whether the fault came about. */
  readonly happened: boolean;
}

/** A libc on a Linux that has no epoll_pwait2(2). */
function withoutPwait2(real: Libc): Libc {
  const broken = faultyLibc(real);
  const fault = { call: 'epollPwait2', nth: 0, forEver: true } as const;
  broken.arm({ ...fault, errno: 'ENOSYS' });
  return broken.libc;
}

/** The counters of a queue. */
const countsOf = (kernel: LinuxKernel, kq: number): string => {
  const queue = kernel.queueOf(kq);
  if (queue === undefined) return 'no queue';
  const knotes = [...queue.knotes.all()].length;
  return `${knotes} knotes, ${queue.sources.size} sources, ${queue.nesting.hasChildren}`;
};

/** Play an operation in isolation, with or without a fault. */
export function play(
  real: Libc,
  { set, waits = false, isOld = false }: Scenario,
  fault?: Fault,
  kind: Kind = 'lack',
): Outcome {
  const before = descriptors();
  const faulty = faultyLibc(isOld ? withoutPwait2(real) : real);
  const kernel = new LinuxKernel(faulty.libc);
  const calls = syscallsOf(() => kernel);
  const queues: number[] = [];
  const another = (): number => {
    const made = calls.kqueue();
    queues.push(made);
    return made;
  };
  const adopt = (fd: number) => queues.push(fd);
  const closed = new Set<number>();
  const close = (fd: number): void => {
    closed.add(fd);
    calls.close(fd);
  };
  const stage: Stage = { ...calls, close, kq: another(), another, adopt };
  let { kq } = stage;
  const wrong: string[] = [];
  let made: readonly Call[] = [];

  /** Call, and say how it went. */
  const codeOf = (call: () => unknown): string => {
    try {
      call();
      return 'none';
    } catch (error) {
      if (error instanceof KqueueError) return error.code;
      wrong.push(`threw ${error}`);
      return 'none';
    }
  };

  try {
    const [r, w] = pipe();
    const control = { ident: r, filter: EVFILT_READ };
    stage.kevent(
      kq,
      [
        { ...control, flags: EV_ADD },
        { ...USER, flags: EV_ADD | EV_CLEAR },
        {
          ...LATCHED,
          flags: EV_ADD | EV_CLEAR,
          fflags: waits ? 0 : NOTE_TRIGGER,
        },
      ],
      null,
    );
    const counts = countsOf(kernel, kq);
    const played: Played = set(stage);

    // ---- the operation, while a call fails
    const seen = new Set<string>();
    const note = (events: Iterable<Kevent>) => {
      for (const event of events) seen.add(keyOf(event));
    };
    faulty.arm(fault);
    const code = codeOf(() => note(played.act()));
    made = faulty.disarm();
    const isClaim = kind === 'claim';
    if (fault === undefined && code !== 'none') wrong.push(`is ${code}`);
    if (!isClaim && code !== 'none' && !HONEST.includes(code)) {
      wrong.push(`said ${code}`);
    }
    if (!faulty.happened && code !== 'none')
      wrong.push(`is ${code}, untouched`);
    if (played.closes === true) return finish();
    kq = played.number ?? kq;

    // ---- later events
    if (code === 'none') played.after?.();
    const forced = [USER, ...(isClaim ? [] : [control])];
    const expected = new Set(
      [...forced, ...(isClaim || waits ? [] : [LATCHED])].map(keyOf),
    );
    if (!isClaim) {
      for (const key of played.ready ?? []) expected.add(keyOf(key));
      if (code === 'none') {
        for (const key of played.afterwards ?? []) expected.add(keyOf(key));
      }
    }
    const list = new KeventList(32);
    const isOver = (answer: string): boolean => {
      if (answer === 'none' || answer === 'EINTR') return false;
      // A claim that the descriptor is not a queue ends the queue with an
      // error.
      if (!isClaim || answer !== 'EBADF') wrong.push(`then is ${answer}`);
      return true;
    };
    libc.write(w, 1);
    const trigger = { ...USER, fflags: NOTE_TRIGGER };
    if (isOver(codeOf(() => stage.kevent(kq, [trigger], null))))
      return finish();
    const start = performance.now();
    const isLate = () => performance.now() - start > LATEST;
    for (let polls = 0; polls < POLLS || !isLate(); polls++) {
      const timeout = polls < 2 ? 0 : LATEST;
      const answer = codeOf(() => stage.kevent(kq, null, list, timeout));
      if (isOver(answer)) return finish();
      note(list);
      if ([...expected].every((key) => seen.has(key))) break;
    }
    for (const key of expected) {
      if (!seen.has(key)) wrong.push(`lost ${key}`);
    }
    if (code === 'none' && !isClaim) {
      for (const key of played.never ?? []) {
        if (seen.has(keyOf(key))) wrong.push(`gave ${keyOf(key)}`);
      }
    }

    // ---- leaks
    if (!isClaim) {
      if (libc.poll(kq) !== libc.POLLIN) wrong.push('not readable');
      const keys = [...(kernel.queueOf(kq)?.knotes.all() ?? [])];
      const kept = new Set([control, USER, LATCHED].map(keyOf));
      for (const { identLow, filterNumber } of keys) {
        const key = { ident: identLow, filter: filterNumber };
        if (kept.has(keyOf(key))) continue;
        codeOf(() => stage.kevent(kq, [{ ...key, flags: EV_DELETE }], null));
      }
      const left = countsOf(kernel, kq);
      if (left !== counts) wrong.push(`keeps ${left}`);
    }
    return finish();
  } finally {
    faulty.disarm();
    for (const open of new Set([kq, ...queues])) {
      if (!closed.has(open)) codeOf(() => calls.close(open));
    }
    dispose();
    reap();
    const after = descriptors();
    if (`${after}` !== `${before}`) {
      const lost = after?.filter((line) => !before?.includes(line));
      wrong.push(`left open ${lost?.join(', ')}`);
    }
  }

  function finish(): Outcome {
    return { wrong, calls: made, happened: faulty.happened };
  }
}
