// Other code closes the descriptor of a queue, or descriptors inside it, and opens
// other files at their numbers. A closed queue reports nothing and leaves nothing
// open. An open one loses nothing. No file of the other code is closed.
import {
  appendFileSync,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  writeSync,
} from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { syscallsOf } from '../../src/calls/syscalls.js';
import {
  close,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EV_DISABLE,
  EVFILT_FS,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  type KeventInit,
  KeventList,
  Kqueue,
  kevent,
  kqueue,
  NOTE_EXIT,
  NOTE_TRIGGER,
  NOTE_WRITE,
  wake,
} from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { codeOf } from '../conformance/calls.js';
import * as libc from '../conformance/libc.js';
import {
  child,
  descriptors,
  dispose,
  file,
  forget,
  isolate,
  pipe,
  signal,
  socketpair,
} from '../conformance/world.js';
import { onLinux, watch as watchingEpoll } from '../support/fds.js';
import { openFiles } from '../support/open-files.js';

isolate();

const list = new KeventList(16);
const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD | EV_CLEAR };
const trigger = { ...user, flags: 0, fflags: NOTE_TRIGGER };

const memfdCreate = (name: string, flags: number): number =>
  koffi.load(null).func('memfd_create', 'int', ['str', 'uint'])(name, flags);

/** Collect; idents of what is reported. */
function collect(kq: number, timeout = 0): number[] {
  kevent(kq, null, list, timeout);
  return [...list].map(({ ident }) => Number(ident));
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

const allOpen = (): number[] => openFiles().map(([fd]) => fd);

/** The descriptors that a step opens. */
function openedBy<T>(step: () => T): { result: T; opened: number[] } {
  const before = new Set(allOpen());
  const result = step();
  return { result, opened: allOpen().filter((fd) => !before.has(fd)) };
}

/** A queue and the descriptors inside it. */
function parts(): { kq: number; inner: number[] } {
  const { result: kq, opened } = openedBy(kqueue);
  return { kq, inner: opened.filter((fd) => fd !== kq) };
}

/** Whether a descriptor is of a kind that the library opens. */
const isPart = (fd: number): boolean =>
  /^anon_inode:|^pidfd:|mountinfo$/.test(readlinkSync(`/proc/self/fd/${fd}`));

/** Replace a descriptor by a file, as other code does. */
function replace(fd: number): void {
  const file = openSync('/dev/null', 'r');
  libc.dup2(file, fd);
  closeSync(file);
}

let before: string[] | undefined;
beforeEach(() => {
  before = descriptors();
});

/** The user's part of cleaning up is done. */
function expectNoneLeft(): void {
  dispose();
  expect(descriptors()).toEqual(before);
}

describe('a dup of a queue that other code closed', () => {
  onLinux('leaves the queue alone when a new queue gets its number', () => {
    const kq = kqueue();
    const dup = libc.dup(kq);
    kevent(dup, [user], null);
    closeSync(dup);
    const other = kqueue();
    close(other);
    kevent(kq, [trigger], null);
    expect(collect(kq)).toEqual([1]);
    close(kq);
    expectNoneLeft();
  });

  onLinux(
    'leaves the queue alone when a file with its number is closed',
    () => {
      const kq = kqueue();
      const dup = libc.dup(kq);
      kevent(dup, [user], null);
      closeSync(dup);
      const file = openSync('/dev/null', 'r');
      expect(file).toBe(dup);
      expect(codeOf(() => kevent(file, [trigger], null))).toBe('EBADF');
      close(file);
      kevent(kq, [trigger], null);
      expect(collect(kq)).toEqual([1]);
      close(kq);
      expectNoneLeft();
    },
  );
});

describe('a queue whose descriptor other code closed', () => {
  for (const isKnown of [true, false]) {
    onLinux(`lives on under a dup ${isKnown ? 'in use' : 'not used'}`, () => {
      const kq = kqueue();
      const [r, w] = pipe();
      kevent(kq, [user, { ...user, ident: r, filter: EVFILT_READ }], null);
      const dup = libc.dup(kq);
      if (isKnown) kevent(dup, null, null);
      closeSync(kq);
      expect(codeOf(() => kevent(kq, [trigger], null))).toBe('EBADF');
      libc.write(w, 1);
      kevent(dup, [trigger], null);
      expect(collect(dup).sort()).toEqual([1, r].sort());
      close(dup);
      expectNoneLeft();
    });
  }

  onLinux('is EBADF to a user event, with room for events or without', () => {
    for (const events of [list, null]) {
      const kq = kqueue();
      kevent(kq, [user], null);
      closeSync(kq);
      expect(codeOf(() => kevent(kq, [trigger], events, 0))).toBe('EBADF');
    }
    const kq = kqueue();
    kevent(kq, [user], null);
    kevent(kq, [trigger], null);
    expect(collect(kq)).toEqual([1]);
    closeSync(kq);
    expect(codeOf(() => kevent(kq, [trigger], null))).toBe('EBADF');
    expectNoneLeft();
  });

  onLinux('takes no edges of a queue that has its numbers', () => {
    const low = openSync('/dev/null', 'r');
    const lost = kqueue();
    const [r, w] = libc.pipe();
    const read = { ident: r, filter: EVFILT_READ, flags: EV_ADD | EV_CLEAR };
    kevent(lost, [read], null);
    closeSync(lost);
    closeSync(low);
    // Its outer epoll is at the low number, an inner one where `lost` was.
    const kq = kqueue();
    expect(kq).toBe(low);
    kevent(kq, [read], null);
    libc.write(w, 1);
    const file = openSync('/dev/null', 'r');
    close(file);
    expect(collect(kq)).toEqual([r]);
    close(kq);
    closeSync(r);
    closeSync(w);
    expectNoneLeft();
  });

  onLinux('does not take a registered file at its number for it', () => {
    for (const part of [0, 1]) {
      const { kq, inner } = parts();
      const [r, w] = pipe();
      const fd = inner[part];
      libc.dup2(r, fd);
      const added = { ident: fd, filter: EVFILT_READ, flags: EV_ADD };
      kevent(kq, [added], null);
      libc.write(w, 1);
      expect(collect(kq)).toEqual([fd]);
      kevent(kq, [user, trigger], null);
      expect(collect(kq)).toContain(fd);
      close(kq);
      expect(isOpen(fd)).toBe(true);
      closeSync(fd);
    }
    expectNoneLeft();
  });

  onLinux('does not close what has the numbers of its parts', () => {
    for (let closed = 0; closed < 4; closed++) {
      const { kq, inner } = parts();
      kevent(kq, [{ ...user, filter: EVFILT_TIMER, data: 60_000 }], null);
      const taken = inner.slice(closed, closed + 1);
      for (const fd of [kq, ...taken]) replace(fd);
      expect(codeOf(() => kevent(kq, [trigger], null))).toBe('EBADF');
      for (const fd of [kq, ...taken]) expect(isOpen(fd)).toBe(true);
      for (const fd of [kq, ...taken]) closeSync(fd);
    }
    // Nor an epoll that nothing is in, as its own is once all is gone.
    for (let closed = 0; closed < 4; closed++) {
      const { kq, inner } = parts();
      const taken = inner.slice(closed, closed + 1);
      const [r, w] = pipe();
      const theirs = watchingEpoll(r);
      for (const fd of taken) libc.dup2(theirs, fd);
      for (const fd of [r, w]) {
        forget(fd);
        closeSync(fd);
      }
      close(kq);
      for (const fd of taken) expect(isOpen(fd)).toBe(true);
      for (const fd of [theirs, ...taken]) closeSync(fd);
    }
    expectNoneLeft();
  });
});

describe('a child queue whose descriptor other code closed', () => {
  const watch = (ident: number) => ({
    ident,
    filter: EVFILT_READ,
    flags: EV_ADD,
  });

  for (const isTaken of [false, true]) {
    const taken = isTaken ? ' while another epoll has its number' : '';
    onLinux(`does not make its parent spin${taken}, and ends`, () => {
      const [parent, child] = [kqueue(), kqueue()];
      const [r, w] = libc.pipe();
      const [quiet] = pipe();
      kevent(child, [watch(r)], null);
      kevent(parent, [watch(child)], null);
      closeSync(child);
      const stranger = isTaken ? watchingEpoll(quiet) : -1;
      if (isTaken) expect(stranger).toBe(child);
      libc.write(w, 1);
      const start = process.cpuUsage();
      expect(collect(parent, 300)).toEqual([]);
      const { user: spent, system } = process.cpuUsage(start);
      expect((spent + system) / 1000).toBeLessThan(150);
      close(parent);
      if (isTaken) closeSync(stranger);
      closeSync(r);
      closeSync(w);
      expectNoneLeft();
    });
  }

  onLinux('is no longer reported, nor registered', () => {
    const [parent, child] = [kqueue(), kqueue()];
    kevent(child, [user], null);
    kevent(parent, [watch(child)], null);
    kevent(child, [trigger], null);
    expect(collect(parent)).toEqual([child]);
    closeSync(child);
    expect(collect(parent)).toEqual([]);
    const again = { ...watch(child), flags: 0 };
    expect(codeOf(() => kevent(parent, [again], null))).toBe('ENOENT');
    close(parent);
    // The queue made next finds it out, if nobody else did.
    close(kqueue());
    expectNoneLeft();
  });
});

describe('two queues that change numbers', () => {
  onLinux('are each the one that has the number', () => {
    const [a, b] = [kqueue(), kqueue()];
    kevent(a, [{ ...user, ident: 10 }], null);
    kevent(b, [{ ...user, ident: 20 }], null);
    const spare = libc.dup(a);
    libc.dup2(b, a);
    libc.dup2(spare, b);
    closeSync(spare);
    kevent(a, [{ ...trigger, ident: 20 }], null);
    kevent(b, [{ ...trigger, ident: 10 }], null);
    expect(collect(a)).toEqual([20]);
    expect(collect(b)).toEqual([10]);
    close(a);
    kevent(b, [{ ...trigger, ident: 10 }], null);
    expect(collect(b)).toEqual([10]);
    close(b);
    expectNoneLeft();
  });

  onLinux('report their events by the new numbers only', () => {
    const [a, b] = [kqueue(), kqueue()];
    const [r, w] = pipe();
    kevent(a, [{ ident: r, filter: EVFILT_READ, flags: EV_ADD }], null);
    libc.write(w, 1);
    const spare = libc.dup(a);
    libc.dup2(b, a);
    libc.dup2(spare, b);
    closeSync(spare);
    expect(collect(a)).toEqual([]);
    expect(collect(b)).toEqual([r]);
    close(a);
    close(b);
    expectNoneLeft();
  });

  onLinux('a queue put over a watched descriptor is not the file', () => {
    const [kq, other] = [kqueue(), kqueue()];
    const [r, w] = pipe();
    kevent(kq, [{ ident: r, filter: EVFILT_READ, flags: EV_ADD }], null);
    libc.write(w, 1);
    kevent(other, [user], null);
    kevent(other, [trigger], null);
    libc.dup2(other, r);
    expect(collect(kq)).toEqual([]);
    expect(collect(r)).toEqual([1]);
    kevent(kq, [{ ident: r, filter: EVFILT_READ, flags: EV_ADD }], null);
    kevent(r, [trigger], null);
    expect(collect(kq)).toEqual([r]);
    forget(r);
    close(r);
    close(other);
    close(kq);
    expectNoneLeft();
  });
});

describe('a pipe whose number other code gave away', () => {
  const readable = (ident: number) => ({
    ident,
    filter: EVFILT_READ,
    flags: EV_ADD,
  });

  onLinux('is not its other end, when an inner epoll is replaced', () => {
    const { kq, inner } = parts();
    const [r, w] = pipe();
    kevent(kq, [readable(r)], null);
    libc.dup2(w, r);
    closeSync(inner[0]);
    kevent(kq, null, null, 0);
    expect(collect(kq)).toEqual([]);
    close(kq);
    expectNoneLeft();
  });

  onLinux('still reports its end once it is back at its number', () => {
    const kq = kqueue();
    const [r, w] = pipe();
    const kept = libc.dup(r);
    kevent(kq, [readable(r)], null);
    closeSync(r);
    forget(w);
    closeSync(w);
    expect(collect(kq)).toEqual([]);
    libc.dup2(kept, r);
    kevent(kq, [readable(r)], null);
    expect(collect(kq)).toEqual([r]);
    closeSync(kept);
    close(kq);
    expectNoneLeft();
  });

  onLinux('is no event of the queue that got a queue of its own number', () => {
    const [first, second] = [kqueue(), kqueue()];
    const [r, w] = pipe();
    kevent(first, [readable(r)], null);
    libc.write(w, 1);
    expect(collect(first)).toEqual([r]);
    libc.dup2(second, first);
    expect(collect(first)).toEqual([]);
    close(first);
    close(second);
    expectNoneLeft();
  });
});

describe('a queue with a closed part can be watched', () => {
  const harms: Readonly<Record<string, (fd: number) => void>> = {
    closed: closeSync,
    'replaced by a file': replace,
  };
  for (const [harm, act] of Object.entries(harms)) {
    // The queue has two inner epolls, an eventfd and a timerfd.
    for (const nth of [0, 1, 2, 3]) {
      onLinux(`${harm}: part ${nth + 1} of 4`, () => {
        const { kq, inner } = parts();
        const [r, w] = socketpair();
        const read = { ident: r, filter: EVFILT_READ, flags: EV_ADD };
        const { opened } = openedBy(() => {
          const flags = EV_ADD | EV_DISABLE;
          const write = { ...read, filter: EVFILT_WRITE, flags };
          const data = 5;
          const timer = { ...read, ident: 7, filter: EVFILT_TIMER, data };
          kevent(kq, [read, write, timer], null);
        });
        const part = [...inner, ...opened][nth];
        act(part);
        const above = kqueue();
        const grand = kqueue();
        const watch = (ident: number): KeventInit => ({ ...read, ident });
        kevent(grand, [watch(above)], null);
        kevent(above, [watch(kq)], null);
        libc.write(w, 1);
        expect(collect(above, 1000)).toEqual([kq]);
        expect(collect(grand)).toEqual([above]);
        expect(collect(kq)).toContain(r);
        libc.read(r, 1);
        collect(kq);
        // Later the timer alone.
        expect(collect(above, 1000)).toEqual([kq]);
        expect(collect(kq)).toEqual([7]);
        for (const each of [grand, above, kq]) close(each);
        if (harm !== 'closed') closeSync(part);
        expectNoneLeft();
      });
    }
  }
});

onLinux('a queue that is no longer watched takes no part of the other', () => {
  const kindOf = (fd: number): string => readlinkSync(`/proc/self/fd/${fd}`);
  const partOf = (all: number[], kind: RegExp): number =>
    all.find((fd) => kind.test(kindOf(fd))) ?? -1;
  const below = parts();
  const { kq, inner } = parts();
  const watched = { ident: below.kq, filter: EVFILT_READ, flags: EV_ADD };
  kevent(kq, [watched, user], null);
  const number = partOf(below.inner, /eventpoll/);
  const eventfd = partOf(inner, /eventfd/);
  replace(eventfd);
  closeSync(number);
  kevent(kq, [trigger], null);
  // The queue's new eventfd.
  expect(kindOf(number)).toMatch(/eventfd/);
  kevent(kq, [{ ...watched, flags: EV_DELETE }], null);
  kevent(kq, [trigger], null);
  expect(collect(kq)).toEqual([1]);
  for (const each of [kq, below.kq]) close(each);
  closeSync(eventfd);
  expectNoneLeft();
});

onLinux('a signal is watched again after its epoll was moved', () => {
  const { kq, inner } = parts();
  const ident = constants.signals.SIGUSR2;
  const watched = { ident, filter: EVFILT_SIGNAL, flags: EV_ADD };
  kevent(kq, [watched], null);
  for (const part of inner) {
    const moved = libc.dup(part);
    replace(part);
    kevent(kq, [{ ...watched, flags: EV_DELETE }], null);
    // The library finds its part again.
    for (let i = 0; i < 70; i++) kevent(kq, null, list, 0);
    kevent(kq, [watched], null);
    signal('SIGUSR2');
    expect(collect(kq, 1000)).toEqual([ident]);
    closeSync(moved);
    closeSync(part);
  }
  close(kq);
});

onLinux('a signal is counted without touching a pipe of other code', () => {
  const kq = kqueue();
  const ident = constants.signals.SIGUSR2;
  const watched = { ident, filter: EVFILT_SIGNAL, flags: EV_ADD };
  const { opened } = openedBy(() => kevent(kq, [watched], null));
  const [reader, writer] = pipe();
  const isPipe = (fd: number) =>
    readlinkSync(`/proc/self/fd/${fd}`).startsWith('pipe:');
  // Other code opens a pipe at the numbers of any pipe of the library.
  for (const [i, fd] of opened.filter(isPipe).entries()) {
    libc.dup2(i === 0 ? reader : writer, fd);
  }
  libc.writeText(writer, 'own');
  signal('SIGUSR2');
  expect(collect(kq, 1000)).toEqual([ident]);
  expect(libc.readNow(reader, 16)).toBe(3);
  close(kq);
});

describe('a part of a queue that other code closed', () => {
  const PARTS = 3;
  for (let nth = 0; nth < PARTS; nth++) {
    for (const isTaken of [false, true]) {
      const what = `${nth}, whose number is ${isTaken ? 'taken' : 'free'},`;
      onLinux(`${what} loses no registration and closes no file`, () => {
        const { result: kq, opened } = openedBy(() => {
          const fd = kqueue();
          kevent(fd, [{ ...user, filter: EVFILT_TIMER, data: 120 }], null);
          return fd;
        });
        const [r, w] = pipe();
        kevent(kq, [user, { ...user, ident: r, filter: EVFILT_READ }], null);
        const part = opened.filter((fd) => fd !== kq)[nth];
        closeSync(part);
        let file = -1;
        if (isTaken) {
          file = openSync('/dev/null', 'r');
          expect(file).toBe(part);
        }
        libc.write(w, 1);
        const seen = new Set<number>();
        const LOOKS = 5;
        for (let i = 0; i < LOOKS && seen.size < 2; i++) {
          kevent(kq, null, list, 2000);
          for (const { filter } of list) seen.add(filter);
        }
        expect([...seen].sort()).toEqual([EVFILT_READ, EVFILT_TIMER].sort());
        kevent(kq, [trigger], null);
        expect(libc.poll(kq)).toBe(libc.POLLIN);
        close(kq);
        if (isTaken) {
          expect(isOpen(file)).toBe(true);
          closeSync(file);
        }
        expectNoneLeft();
      });
    }
  }
});

onLinux(
  'a timer fires on when its timerfd is replaced between two events',
  () => {
    const { result: kq, opened } = openedBy(() => {
      const fd = kqueue();
      kevent(fd, [{ ...user, filter: EVFILT_TIMER, data: 5 }], null);
      return fd;
    });
    expect(collect(kq, 2000)).toEqual([1]);
    const timerfd = Math.max(...opened);
    // It still fires by a duplicate, and is set anew then.
    const dup = libc.dup(timerfd);
    replace(timerfd);
    expect(collect(kq, 2000)).toEqual([1]);
    expect(collect(kq, 2000)).toEqual([1]);
    close(kq);
    for (const fd of [timerfd, dup]) closeSync(fd);
    expectNoneLeft();
  },
);

onLinux(
  'a waiting Kqueue that other code closes leaves nothing open',
  async () => {
    const queue = new Kqueue();
    const waiting = queue.next();
    closeSync(queue.fd);
    await expect(waiting).rejects.toMatchObject({ code: 'EBADF' });
    queue.close();
    expectNoneLeft();
  },
);

describe('a Kqueue whose descriptor is a duplicate of another queue', () => {
  /** Replace it while it waits. */
  function replaced() {
    const queue = new Kqueue<string>();
    queue.add({ filter: 'user', id: 1, udata: 'its own' });
    const waiting = queue.next();
    const other = kqueue();
    kevent(other, [user], null);
    libc.dup2(other, queue.fd);
    kevent(other, [trigger], null);
    return { queue, waiting, other };
  }

  onLinux('fails with EBADF and changes nothing', async () => {
    const { queue, waiting, other } = replaced();
    const timer = { filter: 'timer', id: 1, every: 1, udata: '' } as const;
    expect(codeOf(() => queue.poll())).toBe('EBADF');
    expect(codeOf(() => queue.add(timer))).toBe('EBADF');
    expect(codeOf(() => queue.trigger(1))).toBe('EBADF');
    await expect(waiting).rejects.toMatchObject({ code: 'EBADF' });
    expect(collect(other)).toEqual([1]);
    const deletion = { ident: 1, filter: EVFILT_TIMER, flags: EV_DELETE };
    expect(codeOf(() => kevent(other, [deletion], null))).toBe('ENOENT');
    queue.close();
    for (const fd of [queue.fd, other]) close(fd);
    expectNoneLeft();
  });

  onLinux('does not close it, and lets another Kqueue adopt it', async () => {
    const { queue, waiting, other } = replaced();
    using adopted = Kqueue.fromFd(queue.fd);
    await expect(waiting).rejects.toMatchObject({ code: 'EBADF' });
    queue.close();
    expect(adopted.poll()).toMatchObject([{ filter: 'user', id: 1 }]);
    close(other);
    close(adopted.fd);
    expect([isOpen(queue.fd), adopted.closed]).toEqual([false, true]);
    expectNoneLeft();
  });
});

describe('parts of another copy of the package', () => {
  /** A queue, and one of another copy with the same numbers for its parts. */
  function twoCopies() {
    const kernel = createLinuxKernel();
    const copy = syscallsOf(() => kernel);
    const hole = openSync('/dev/null', 'r');
    const { kq, inner } = parts();
    kevent(kq, [user], null);
    for (const fd of [...inner, hole]) closeSync(fd);
    const other = copy.kqueue();
    expect(other).toBe(hole);
    expect(inner.map(isOpen)).toEqual([true, true]);
    return { kq, inner, copy, other };
  }

  onLinux('are not its own', () => {
    const { kq, inner, copy, other } = twoCopies();
    kevent(kq, [trigger], null);
    expect(collect(kq)).toEqual([1]);
    close(kq);
    expect(inner.map(isOpen)).toEqual([true, true]);
    copy.kevent(other, [user, trigger], null);
    const found = new KeventList(1);
    expect(copy.kevent(other, null, found, 0)).toBe(1);
    copy.close(other);
    expectNoneLeft();
  });

  onLinux('are not given its timers', () => {
    const { kq, copy, other } = twoCopies();
    const timer = { ident: 2, filter: EVFILT_TIMER, flags: EV_ADD, data: 1 };
    kevent(kq, [timer], null);
    // A longer wait would check the parts.
    expect(collect(kq, 40)).toEqual([2]);
    for (const end of [() => close(kq), () => copy.close(other)]) end();
    expectNoneLeft();
  });
});

onLinux('a timerfd of other code is not set', () => {
  const timer = { ...user, filter: EVFILT_TIMER };
  const { result: kq, opened } = openedBy(() => {
    const fd = kqueue();
    kevent(fd, [{ ...timer, data: 60_000 }], null);
    return fd;
  });
  const timerfd = Math.max(...opened);
  const create = koffi.load(null).func('timerfd_create', 'int', ['int', 'int']);
  closeSync(timerfd);
  expect(create(1, 0)).toBe(timerfd);
  kevent(kq, [{ ...timer, ident: 2, data: 1 }], null);
  const info = readFileSync(`/proc/self/fdinfo/${timerfd}`, 'latin1');
  expect(info).toMatch(/^it_value: \(0, 0\)$/m);
  expect(collect(kq, 5000)).toEqual([2]);
  close(kq);
  closeSync(timerfd);
  expectNoneLeft();
});

onLinux('a pipe of other code is not read in place of a timerfd', () => {
  const file = memfdCreate('growing', 0);
  const kq = kqueue();
  // A memfd is looked at each time a timerfd of the queue fires.
  const watched = { ident: file, filter: EVFILT_READ, flags: EV_ADD };
  const { opened } = openedBy(() => kevent(kq, [watched], null));
  const [timerfd] = opened.filter((fd) =>
    readlinkSync(`/proc/self/fd/${fd}`).includes('timerfd'),
  );
  const [reader, writer] = pipe();
  libc.writeText(writer, 'of other code');
  // The timerfd still fires by a duplicate.
  const dup = libc.dup(timerfd);
  libc.dup2(reader, timerfd);
  const timerfds = () =>
    openFiles().filter(([, path]) => path.includes('timerfd')).length;
  const before = timerfds();
  expect(collect(kq, 45)).toEqual([]);
  expect(timerfds()).toBe(before + 1);
  writeSync(file, 'grown', 0);
  expect(collect(kq)).toEqual([file]);
  expect(libc.readNow(reader, 32)).toBe('of other code'.length);
  close(kq);
  for (const fd of [file, dup, timerfd]) closeSync(fd);
  expectNoneLeft();
});

onLinux('a file is neither read nor closed as a part of EVFILT_FS', () => {
  const { result: kq, opened } = openedBy(() => {
    const fd = kqueue();
    kevent(fd, [{ ...user, filter: EVFILT_FS ?? 0 }], null);
    return fd;
  });
  const parts = opened.filter((fd) => fd !== kq).slice(-2);
  for (const part of parts) replace(part);
  expect(collect(kq)).toEqual([]);
  close(kq);
  expect(parts.map(isOpen)).toEqual([true, true]);
  parts.forEach(closeSync);
  expectNoneLeft();
});

interface Watched {
  /** Mounts cannot be caused: then no event is expected. */
  readonly change: KeventInit;
  readonly cause?: () => void;
}

/** Objects for which a queue opens descriptors of its own. */
const WATCHED: Readonly<Record<string, () => Watched>> = {
  pipe() {
    const [r, w] = pipe();
    const change = { ident: r, filter: EVFILT_READ };
    return { change, cause: () => libc.write(w, 1) };
  },
  file() {
    const { fd, at } = file(0);
    const change = { ident: fd, filter: EVFILT_VNODE, fflags: NOTE_WRITE };
    return { change, cause: () => appendFileSync(at, 'x') };
  },
  process() {
    const { pid, end } = child();
    const change = { ident: pid, filter: EVFILT_PROC, fflags: NOTE_EXIT };
    return { change, cause: () => end(3) };
  },
  signal() {
    const { SIGUSR2: ident } = constants.signals;
    const change = { ident, filter: EVFILT_SIGNAL };
    return { change, cause: () => signal('SIGUSR2') };
  },
  'mount table'() {
    return { change: { ident: 1, filter: EVFILT_FS ?? 0 } };
  },
  'child queue'() {
    const kq = kqueue();
    const [r, w] = pipe();
    const read = { ident: r, filter: EVFILT_READ, flags: EV_ADD };
    kevent(kq, [read], null);
    const change = { ident: kq, filter: EVFILT_READ };
    return { change, cause: () => libc.write(w, 1) };
  },
};

/** More polls than a queue makes before it checks its parts. */
const POLLS = 70;

/** What other code does to parts. Each returns the descriptors it has then. */
const HARMS: Readonly<Record<string, (parts: readonly number[]) => number[]>> =
  {
    'one closed, and its number taken': ([part]) => {
      replace(part);
      return [part];
    },
    'one closed, while a dup of it is open': ([part]) => {
      const dup = libc.dup(part);
      closeSync(part);
      return [dup];
    },
    'all closed, and their numbers taken': (all) => {
      for (const part of all) replace(part);
      return [...all];
    },
  };

describe('the parts of a queue that watches a', () => {
  for (const [name, watched] of Object.entries(WATCHED)) {
    for (const [harm, act] of Object.entries(HARMS)) {
      onLinux(`${name}: ${harm}`, () => {
        const runs = harm.startsWith('one') ? 6 : 1;
        for (let nth = 0; nth < runs; nth++) {
          const { result: kq, opened } = openedBy(() => {
            const fd = kqueue();
            // Its own descriptors come first.
            kevent(fd, [{ ...user, filter: EVFILT_TIMER, data: 1e6 }], null);
            return fd;
          });
          const before = openedBy(watched);
          const { change, cause } = before.result;
          const after = openedBy(() =>
            kevent(kq, [{ ...change, flags: EV_ADD | EV_CLEAR }], null),
          );
          const inner = [...opened, ...before.opened, ...after.opened].filter(
            (fd) => fd !== kq && fd !== change.ident && isPart(fd),
          );
          const theirs = act(inner.slice(nth));
          const kinds = theirs.map((fd) => readlinkSync(`/proc/self/fd/${fd}`));
          expect(collect(kq)).toEqual([]);
          cause?.();
          let seen: number[] = [];
          for (let i = 0; i < POLLS && seen.length === 0; i++) {
            seen = collect(kq);
          }
          expect(seen).toEqual(cause === undefined ? [] : [change.ident]);
          close(kq);
          if (name === 'child queue') close(Number(change.ident));
          expect(
            theirs.map((fd) => readlinkSync(`/proc/self/fd/${fd}`)),
          ).toEqual(kinds);
          theirs.forEach(closeSync);
          dispose();
          if (nth + 1 >= inner.length) break;
        }
        expectNoneLeft();
      });
    }
  }
});

onLinux(
  'parts of a queue that is readable are closed one after another',
  () => {
    const { result: kq, opened } = openedBy(kqueue);
    const [r, w] = pipe();
    const read = { ident: r, filter: EVFILT_READ, flags: EV_ADD };
    kevent(kq, [read], null);
    libc.write(w, 1);
    expect([collect(kq), collect(kq)]).toEqual([[r], [r]]);
    // It stays readable, by a dup of its eventfd.
    const [inner, eventfd] = opened.filter((fd) => fd !== kq);
    const dup = libc.dup(eventfd);
    for (const part of [inner, eventfd]) replace(part);
    kevent(kq, [{ ...read, flags: 0 }], null);
    expect(collect(kq)).toEqual([r]);
    close(kq);
    for (const fd of [inner, eventfd, dup]) closeSync(fd);
    expectNoneLeft();
  },
);

for (const isTimer of [true, false]) {
  const what = isTimer ? 'timer' : 'watched memfd';
  onLinux(`a ${what} survives its timerfd, and then its epoll`, () => {
    const memfd = memfdCreate('read', 0);
    writeSync(memfd, 'x', 0);
    const change = isTimer
      ? { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 5 }
      : { ident: memfd, filter: EVFILT_READ, flags: EV_ADD };
    const { result: kq, opened } = openedBy(() => {
      const fd = kqueue();
      kevent(fd, [change], null);
      return fd;
    });
    const [inner] = opened.filter((fd) => fd !== kq);
    for (const part of [Math.max(...opened), inner]) {
      closeSync(part);
      // A call for nothing checks the parts.
      kevent(kq, null, null, 0);
      expect(collect(kq, 2000)).toEqual([change.ident]);
    }
    close(kq);
    closeSync(memfd);
    expectNoneLeft();
  });
}

onLinux('a consumed wake is not reported again after a repair', () => {
  const { result: queue, opened } = openedBy(() => new Kqueue());
  const waker = queue.waker();
  wake(waker.handle);
  expect(queue.poll()).toHaveLength(1);
  const [inner] = opened.filter((fd) => fd !== queue.fd);
  closeSync(inner);
  kevent(queue.fd, null, null, 0);
  expect(queue.poll()).toEqual([]);
  wake(waker.handle);
  expect(queue.poll()).toHaveLength(1);
  queue.close();
  expectNoneLeft();
});
