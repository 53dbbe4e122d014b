// Every operation on a queue, for every kind of source: the preparation, the
// operation during which a call fails, and the expected outcome.
import { type Kevent, type KeventInit, KeventList } from '../../src/index.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ERROR,
  EV_RECEIPT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  NOTE_TRIGGER,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import { dup, forget, pipe } from '../conformance/world.js';
import { type Stage, SUBJECTS } from './subjects.js';

/** The expectations of an operation. */
export interface Played {
  /** The operation during which a call fails. It returns collected events. */
  act(): readonly Kevent[];
  /** Done afterwards, if the operation did not throw. */
  after?(): unknown;
  /** Pending before the operation, so it must be reported in any case. */
  readonly ready?: readonly Key[];
  /** To be reported if the operation did not throw. */
  readonly afterwards?: readonly Key[];
  /** Not to be reported if the operation did not throw. */
  readonly never?: readonly Key[];
  /** The operation closes the queue: only open descriptors are checked. */
  readonly closes?: boolean;
  /** A number that a queue is known by afterwards, instead of its first. */
  readonly number?: number;
}

export type Key = Pick<KeventInit, 'ident' | 'filter'>;

export interface Scenario {
  readonly name: string;
  /** Nothing else is ready, so that a wait is one. */
  readonly waits?: boolean;
  /** On a Linux without epoll_pwait2(2). */
  readonly isOld?: boolean;
  readonly set: (stage: Stage) => Played;
}

/** The longest wait: some faults leave nothing that would end it. */
const LONGEST = 250;

const NOTHING: readonly Kevent[] = [];

/** Hand changes over; what fails is thrown. */
const change =
  ({ kq, kevent }: Stage, ...changes: readonly KeventInit[]) =>
  (): readonly Kevent[] => {
    kevent(kq, changes, null);
    return NOTHING;
  };

const collect =
  ({ kq, kevent }: Stage, timeout: number | null = 0) =>
  (): readonly Kevent[] => {
    const list = new KeventList(16);
    kevent(kq, null, list, timeout);
    return [...list];
  };

type Make = (stage: Stage, name: string) => Played;

/** Begin to watch it, and then let it happen. */
const adding: Make = (stage, name) => {
  const { init, happen, isReady } = SUBJECTS[name](stage);
  const comes = isReady || happen !== undefined;
  return {
    act: change(stage, init),
    after: () => happen?.(stage),
    afterwards: comes ? [init] : [],
  };
};

/** Begin to watch what has happened already. */
const addingReady: Make = (stage, name) => {
  const { init, happen, isReady } = SUBJECTS[name](stage);
  // These are watched for what happens from now on.
  const since = ['of a process', 'a signal', 'removal', 'write to', 'entry'];
  const comes = !since.some((word) => name.includes(word));
  if (comes && !name.startsWith('a trigger')) happen?.(stage);
  return {
    act: change(stage, init),
    afterwards: isReady ? [init] : [],
  };
};

/** Watched, and it has happened. */
function readyOne(
  stage: Stage,
  name: string,
): { init: KeventInit; key: Key[] } {
  const { init, happen, isReady } = SUBJECTS[name](stage);
  stage.kevent(stage.kq, [init], null);
  happen?.(stage);
  const comes = isReady || happen !== undefined;
  return { init, key: comes ? [init] : [] };
}

const collecting: Make = (stage, name) => {
  const { key } = readyOne(stage, name);
  return { act: collect(stage), ready: key };
};

const waiting: Make = (stage, name) => {
  const { key } = readyOne(stage, name);
  return { act: collect(stage, key.length === 0 ? 1 : LONGEST), ready: key };
};

const changing: Make = (stage, name) => {
  const { init, happen, isReady } = SUBJECTS[name](stage);
  stage.kevent(stage.kq, [init], null);
  const comes = isReady || happen !== undefined;
  return {
    act: change(stage, init),
    after: () => happen?.(stage),
    afterwards: comes ? [init] : [],
  };
};

const enabling: Make = (stage, name) => {
  const { init, happen, isReady } = SUBJECTS[name](stage);
  const { kq, kevent } = stage;
  kevent(kq, [init], null);
  kevent(kq, [{ ...init, flags: EV_DISABLE }], null);
  happen?.(stage);
  const comes = isReady || happen !== undefined;
  return {
    act: change(stage, { ...init, flags: EV_ENABLE }),
    afterwards: comes ? [init] : [],
  };
};

const disabling: Make = (stage, name) => {
  const { init } = readyOne(stage, name);
  return {
    act: change(stage, { ...init, flags: EV_DISABLE }),
    never: [init],
  };
};

const deleting: Make = (stage, name) => {
  const { init } = readyOne(stage, name);
  return {
    act: change(stage, { ...init, flags: EV_DELETE }),
    never: [init],
  };
};

const closing: Make = (stage, name) => {
  readyOne(stage, name);
  const { kq, close } = stage;
  return {
    act() {
      close(kq);
      return NOTHING;
    },
    closes: true,
  };
};

const closingWatched: Make = (stage, name) => {
  const { init } = readyOne(stage, name);
  const fd = Number(init.ident);
  return {
    act() {
      forget(fd);
      stage.close(fd);
      return NOTHING;
    },
    never: [init],
  };
};

/** Through another queue that watches this one. */
const nesting: Make = (stage, name) => {
  const above = stage.another();
  const watched = { ident: stage.kq, filter: EVFILT_READ };
  stage.kevent(above, [{ ...watched, flags: EV_ADD }], null);
  const { key } = readyOne(stage, name);
  return { act: collect({ ...stage, kq: above }), ready: key };
};

const OPERATIONS: Readonly<Record<string, Make>> = {
  add: adding,
  'add what is ready': addingReady,
  'collect at once': collecting,
  'wait for': waiting,
  'change to the same': changing,
  enable: enabling,
  disable: disabling,
  delete: deleting,
  'close the queue of': closing,
  'collect through a queue above': nesting,
};

/** What has a descriptor that can be closed with it. */
const isClosable = (name: string): boolean =>
  !/timer|time that|trigger|process|signal|mounts/.test(name);

const user = { ident: 1, filter: EVFILT_USER };
const triggered = { ...user, flags: EV_ADD, fflags: NOTE_TRIGGER };

/** At the end of a name: the same on an old Linux. */
const OLD = ', on an old Linux';

const waitForTimer = (stage: Stage): Played => {
  const timer = { ident: 1, filter: EVFILT_TIMER };
  stage.kevent(stage.kq, [{ ...timer, flags: EV_ADD, data: 2 }], null);
  return { act: collect(stage, LONGEST), ready: [timer] };
};

const waitInVain = (stage: Stage): Played => ({ act: collect(stage, 1) });

/** Operations on the queue itself, and on many sources at once. */
const OTHERS: Readonly<Record<string, (stage: Stage) => Played>> = {
  'make a queue': ({ another }) => ({
    act() {
      another();
      return NOTHING;
    },
  }),
  trigger: (stage) => {
    stage.kevent(stage.kq, [{ ...user, flags: EV_ADD | EV_CLEAR }], null);
    return {
      act: change(stage, { ...user, fflags: NOTE_TRIGGER }),
      afterwards: [user],
    };
  },
  'wait until a timer is due': waitForTimer,
  [`wait until a timer is due${OLD}`]: waitForTimer,
  'wait until the timeout': waitInVain,
  [`wait until the timeout${OLD}`]: waitInVain,
  'wait for a pipe with EV_CLEAR beside others': (stage) => {
    const pipes = [pipe(), pipe(), pipe()];
    const keys = pipes.map(([r]) => ({ ident: r, filter: EVFILT_READ }));
    for (const [i, key] of keys.entries()) {
      const flags = i === 1 ? EV_ADD | EV_CLEAR : EV_ADD;
      stage.kevent(stage.kq, [{ ...key, flags }], null);
    }
    for (const [, w] of pipes) libc.write(w, 1);
    return { act: collect(stage, LONGEST), ready: keys };
  },
  'close a queue under the second of its numbers': (stage) => {
    const { kq, kevent, close } = stage;
    kevent(kq, [triggered], null);
    const second = dup(kq);
    forget(second);
    kevent(second, null, null);
    return {
      act() {
        close(second);
        return NOTHING;
      },
      ready: [user],
    };
  },
  'close a queue that has a dup': (stage) => {
    const { kq, kevent, close } = stage;
    kevent(kq, [triggered], null);
    const second = dup(kq);
    forget(second);
    return {
      act() {
        close(kq);
        return NOTHING;
      },
      ready: [user],
      number: second,
    };
  },
  'use a dup of a queue': (stage) => {
    const { kq, kevent } = stage;
    kevent(kq, [triggered], null);
    const second = dup(kq);
    forget(second);
    stage.adopt(second);
    return { act: collect({ ...stage, kq: second }), ready: [user] };
  },
  'add a pipe where one was closed that is open elsewhere': (stage) => {
    const [r] = pipe();
    const [other, w] = pipe();
    const read = { ident: r, filter: EVFILT_READ };
    change(stage, { ...read, flags: EV_ADD })();
    dup(r);
    libc.dup2(other, r);
    libc.write(w, 1);
    return {
      act: change(stage, { ...read, flags: EV_ADD }),
      afterwards: [read],
    };
  },
  'add many, with receipts': (stage) => {
    const { kq, kevent } = stage;
    const [r, w] = pipe();
    const [end] = pipe();
    const changes = [
      { ident: r, filter: EVFILT_READ },
      { ident: w, filter: EVFILT_READ },
      { ident: end, filter: EVFILT_READ, clears: true },
      { ident: 7, filter: EVFILT_TIMER },
      { ident: 7, filter: EVFILT_USER, fflags: NOTE_TRIGGER },
    ].map(({ clears = false, ...key }) => ({
      ...key,
      flags: EV_ADD | EV_RECEIPT | (clears ? EV_CLEAR : 0),
    }));
    const afterwards: Key[] = [];
    libc.write(w, 1);
    return {
      act() {
        const list = new KeventList(changes.length);
        kevent(kq, changes, list, 0);
        for (const [i, { flags, data }] of [...list].entries()) {
          if ((flags & EV_ERROR) === 0) throw new Error('no receipt');
          const isReady = i === 0 || i >= 3;
          if (data === 0 && isReady) afterwards.push(changes[i]);
        }
        return NOTHING;
      },
      afterwards,
    };
  },
};

/** All that is tried. */
export const SCENARIOS: readonly Scenario[] = [
  ...Object.entries(OTHERS).map(([name, set]) => ({
    name,
    set,
    waits: name.startsWith('wait'),
    isOld: name.endsWith(OLD),
  })),
  ...Object.keys(SUBJECTS).flatMap((subject) => [
    ...Object.entries(OPERATIONS).map(([operation, make]) => ({
      name: `${operation} ${subject}`,
      waits: operation === 'wait for',
      set: (stage: Stage) => make(stage, subject),
    })),
    ...(isClosable(subject)
      ? [
          {
            name: `close what is watched for ${subject}`,
            set: (stage: Stage) => closingWatched(stage, subject),
          },
        ]
      : []),
  ]),
];
