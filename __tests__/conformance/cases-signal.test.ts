import { constants } from 'node:os';
import {
  caseWith,
  catchSignal,
  chg,
  EDGE,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_SIGNAL,
  expectEvents,
  get,
  type Instead,
  isolate,
  kqueue,
  libc,
  meanwhile,
  poll,
  refusal,
  SOON,
  signal,
} from './prelude.js';

isolate();

// A test that sends a signal catches it first: else it would end the process.
const NAME = 'SIGUSR2';
const { [NAME]: ident, ...signals } = constants.signals;
const { SIGCONT, SIGKILL, SIGSTOP, SIGWINCH } = signals;
const USR2 = { ident, filter: EVFILT_SIGNAL };

const signalCase = (
  id: string,
  title: string,
  body: () => void | Promise<void>,
  instead?: Instead,
): void => caseWith(['EVFILT_SIGNAL'], id, title, body, instead);

signalCase('S02', 'signals are counted until they are collected', () => {
  catchSignal(NAME);
  const q = kqueue();
  chg(q, { ...USR2, flags: EV_ADD });
  for (let i = 0; i < 3; i++) signal(NAME);
  expectEvents(get(q, 1, SOON), { ...USR2, flags: EDGE, data: 3 });
  expectEvents(poll(q));
});

signalCase('S03', 'a signal that is ignored is counted', () => {
  const restore = libc.ignoreSignal(SIGWINCH);
  try {
    const q = kqueue();
    const winch = { ident: SIGWINCH, filter: EVFILT_SIGNAL };
    chg(q, { ...winch, flags: EV_ADD });
    signal('SIGWINCH');
    expectEvents(get(q, 1, SOON), { ...winch, flags: EDGE, data: 1 });
    chg(q, { ...winch, flags: EV_DELETE });
  } finally {
    restore();
  }
});

/** A blocked signal is counted; whether it is pending as well afterwards. */
const blockedSignal = (isPending: boolean) => () => {
  catchSignal(NAME);
  const q = kqueue();
  chg(q, { ...USR2, flags: EV_ADD });
  const unblock = libc.blockSignal(ident);
  try {
    signal(NAME);
    expectEvents(get(q, 1, SOON), { ...USR2, flags: EDGE, data: 1 });
    expect(libc.isPending(ident)).toBe(isPending);
  } finally {
    unblock();
  }
};
signalCase(
  'S04',
  'a blocked signal is counted and stays pending',
  blockedSignal(true),
  { linux: blockedSignal(false), darwin: blockedSignal(false) },
);

/** A signal sent to this thread is counted that often. */
const threadSignal =
  (...counts: number[]) =>
  () => {
    catchSignal(NAME);
    const q = kqueue();
    chg(q, { ...USR2, flags: EV_ADD });
    libc.signalThread(ident);
    const expected = counts.map((data) => ({ ...USR2, flags: EDGE, data }));
    expectEvents(get(q, 1, 50), ...expected);
  };
signalCase('S05', 'a signal sent to a thread is not counted', threadSignal(), {
  linux: threadSignal(1),
});

caseWith(
  ['EVFILT_SIGNAL'],
  'S06',
  'an ident that is no signal reports nothing',
  () => {
    const q = kqueue();
    for (const ident of [0, 1000]) {
      chg(q, { ident, filter: EVFILT_SIGNAL, flags: EV_ADD });
    }
    expectEvents(poll(q));
  },
);

signalCase('S08', 'a signal while disabled is reported after ENABLE', () => {
  catchSignal(NAME);
  const q = kqueue();
  chg(q, { ...USR2, flags: EV_ADD });
  chg(q, { ...USR2, flags: EV_DISABLE });
  signal(NAME);
  expectEvents(poll(q));
  chg(q, { ...USR2, flags: EV_ENABLE });
  expectEvents(get(q, 1, SOON), { ...USR2, flags: EDGE, data: 1 });
});

signalCase('S09', 'a signal before the registration is not reported', () => {
  catchSignal(NAME);
  signal(NAME);
  const q = kqueue();
  chg(q, { ...USR2, flags: EV_ADD });
  expectEvents(poll(q));
});

signalCase(
  'S11',
  'ONESHOT reports once, while the handler runs for each',
  async () => {
    const received = catchSignal(NAME);
    const q = kqueue();
    const flags = EV_ADD | EV_ONESHOT;
    chg(q, { ...USR2, flags });
    signal(NAME);
    const event = { ...USR2, flags: flags | EV_CLEAR, data: 1 };
    expectEvents(get(q, 1, SOON), event);
    signal(NAME);
    expectEvents(poll(q));
    expect(refusal(q, { ...USR2, flags: EV_DELETE })).toBe('ENOENT');
    const LIMIT = 1000;
    for (let i = 0; i < LIMIT && received() < 2; i++) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(received()).toBe(2);
  },
);

signalCase('S12', 'a change replaces udata and keeps the count', () => {
  catchSignal(NAME);
  const q = kqueue();
  chg(q, { ...USR2, flags: EV_ADD, udata: 1 });
  signal(NAME);
  chg(q, { ...USR2, flags: EV_ADD, udata: 2 });
  signal(NAME);
  const event = { ...USR2, flags: EDGE, data: 2, udata: 2 };
  expectEvents(get(q, 1, SOON), event);
});

signalCase('L7', 'each queue has a count of its own', () => {
  catchSignal(NAME);
  const queues = [kqueue(), kqueue()];
  for (const q of queues) chg(q, { ...USR2, flags: EV_ADD });
  signal(NAME);
  for (const q of queues) {
    expectEvents(get(q, 1, SOON), { ...USR2, flags: EDGE, data: 1 });
  }
});

signalCase(
  'L6',
  'an earlier signal is not reported beside another queue',
  () => {
    catchSignal(NAME);
    const [q, later] = [kqueue(), kqueue()];
    chg(q, { ...USR2, flags: EV_ADD });
    signal(NAME);
    chg(later, { ...USR2, flags: EV_ADD });
    expectEvents(poll(later));
    expectEvents(get(q, 1, SOON), { ...USR2, flags: EDGE, data: 1 });
  },
);

signalCase('L7', 'SIGKILL and SIGSTOP are accepted, and report nothing', () => {
  const q = kqueue();
  for (const ident of [SIGKILL, SIGSTOP]) {
    chg(q, { ident, filter: EVFILT_SIGNAL, flags: EV_ADD });
  }
  expectEvents(poll(q));
});

signalCase('L7', 'deleting one signal does not affect another', () => {
  catchSignal(NAME);
  const q = kqueue();
  const others = [SIGWINCH, SIGCONT].map((ident) => ({ ...USR2, ident }));
  const add = { ...USR2, flags: EV_ADD };
  chg(q, add, ...others.map((other) => ({ ...other, flags: EV_ADD })));
  for (const other of others) {
    chg(q, { ...other, flags: EV_DELETE });
    signal(NAME);
    expectEvents(get(q, 1, SOON), { ...USR2, flags: EDGE, data: 1 });
  }
});

signalCase('L2', 'a signal from outside ends a wait', async () => {
  catchSignal(NAME);
  const q = kqueue();
  chg(q, { ...USR2, flags: EV_ADD });
  const acts = [{ op: 'kill', signal: ident }];
  // The call may end with EINTR, as on Darwin; the count is there then.
  const { result } = await meanwhile({}, acts, () => {
    try {
      return get(q, 1, SOON);
    } catch (error) {
      expect(error).toMatchObject({ code: 'EINTR' });
      return get(q, 1, SOON);
    }
  });
  expectEvents(result, { ...USR2, flags: EDGE, data: 1 });
});
