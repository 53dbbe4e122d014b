// What a queue reports that watches others, however Linux reports it.
import {
  EV_ADD,
  EV_CLEAR,
  EV_ONESHOT,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_WRITE,
  type KeventInit,
  KeventList,
  kevent,
} from '../../src/index.js';
import { gate } from '../conformance/cases.js';
import {
  EV_DISPATCH,
  EV_UDATA_SPECIFIC,
  EV_VANISHED,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import {
  adoptQueue,
  closeElsewhere,
  dup2,
  file,
  forget,
  isolate,
  kqueue,
  pipe,
  sleep,
  socketpair,
} from '../conformance/world.js';
import { onLinux, openLimit } from '../support/fds.js';

isolate();

const queues = (count: number): number[] =>
  Array.from({ length: count }, kqueue);

const read = (ident: number, flags = EV_ADD): KeventInit => ({
  ident,
  filter: EVFILT_READ,
  flags,
});
const watch = (parent: number, child: number): void => {
  kevent(parent, [read(child)], null);
};
const change = (kq: number, ...changes: KeventInit[]): void => {
  kevent(kq, changes, null);
};
const list = new KeventList(8);
/** The idents of the events. */
function collect(kq: number, timeout = 0): number[] {
  kevent(kq, null, list, timeout);
  return [...list].map(({ ident }) => Number(ident));
}

onLinux('two queues that watch each other report all their events', () => {
  const [top, first, second] = queues(3);
  watch(top, first);
  watch(first, second);
  watch(second, first);
  const [a, writerOfA] = pipe();
  const [b, writerOfB] = pipe();
  change(first, read(a));
  change(second, read(b));
  // While the topmost one waits, its two children poll each other.
  const timer = { ident: 1, filter: EVFILT_TIMER, data: 1 };
  change(first, { ...timer, flags: EV_ADD | EV_ONESHOT });
  expect(collect(top, 1000)).toEqual([first]);
  libc.write(writerOfB, 1);
  libc.write(writerOfA, 1);
  expect(collect(top)).toEqual([first]);
  expect(collect(first).sort()).toEqual([timer.ident, a, second].sort());
  expect(collect(second).sort()).toEqual([b, first].sort());
});

describe('a call on a queue above', () => {
  /** What Linux does not report, and each call of kevent polls. */
  const UNREPORTED: Record<string, (kq: number) => () => void> = {
    'a seek'(kq) {
      const { fd } = file(5);
      libc.read(fd, 5);
      change(kq, read(fd, EV_ADD | EV_CLEAR));
      return () => libc.seek(fd, 0);
    },
    'a closed descriptor'(kq) {
      const [reader] = pipe();
      const flags = EV_ADD | EV_DISPATCH | EV_UDATA_SPECIFIC | EV_VANISHED;
      change(kq, read(reader, flags));
      return () => closeElsewhere(reader);
    },
  };
  for (const [what, setUp] of Object.entries(UNREPORTED)) {
    onLinux(`reports ${what}`, () => {
      const [top, middle, bottom] = queues(3);
      const cause = setUp(bottom);
      watch(middle, bottom);
      watch(top, middle);
      expect(collect(top)).toEqual([]);
      cause();
      expect(collect(top)).toEqual([middle]);
      expect(collect(middle)).toEqual([bottom]);
      expect(collect(bottom)).toHaveLength(1);
    });
  }
});

onLinux('a duplicate at the number of a queue below reports at once', () => {
  const [top, middle, lost] = queues(3);
  watch(middle, lost);
  watch(top, middle);
  const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 1 };
  change(top, timer);
  forget(lost);
  dup2(top, lost);
  adoptQueue(lost);
  sleep(2);
  expect(collect(lost)).toEqual([1]);
});

/** So many queues watch one that it cannot have a second inner epoll. */
const PARENTS = 260;
gate(
  process.platform === 'linux' && openLimit() > 4 * PARENTS,
  'the limit of open files is too low',
)('a queue that has too many paths to another is refused with ENOMEM', () => {
  const [child, ...parents] = queues(PARENTS + 1);
  const [socket, peer] = socketpair();
  change(child, read(socket));
  for (const parent of parents) watch(parent, child);
  const write = { ...read(socket), filter: EVFILT_WRITE };
  expect(() => change(child, write)).toThrow(
    expect.objectContaining({ code: 'ENOMEM' }),
  );
  libc.write(peer, 1);
  expect(collect(parents[0])).toEqual([child]);
});
