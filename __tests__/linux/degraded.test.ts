// The kernel over a Linux that lacks something: an old one, or a sandbox.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import koffi from 'koffi';
import { type Syscalls, syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EV_CLEAR,
  EV_EOF,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_SIGNAL,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  EVFILT_WRITE,
  KeventList,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
  NOTE_LOWAT,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { Probe } from '../../src/linux/probe.js';
import { gate } from '../conformance/cases.js';
import { fill, poll, SOCK_DGRAM, socketpair } from '../conformance/libc.js';
import {
  dispose,
  dup,
  forget,
  grandchild,
  pipe,
  signal,
} from '../conformance/world.js';
import { root } from '../support/built-package.js';
import { openCount } from '../support/fds.js';
import { openFiles } from '../support/open-files.js';

const ENOSYS = 38;
const EPERM = 1;
const EMFILE = 24;
const ENOSPC = 28;
const EINVAL = 22;

const memfdCreate = (name: string, flags: number): number =>
  koffi.load(null).func('memfd_create', 'int', ['str', 'uint'])(name, flags);

afterEach(dispose);

const isLinux = process.platform === 'linux';
const onLinux = gate(isLinux, "the built-in kernel is Linux's");

/** The three calls over a libc in which some calls fail with an errno. */
function lacking(names: readonly (keyof Libc)[], errno: number): Syscalls {
  const libc = bindLibc();
  let failed = 0;
  const fail = () => {
    failed = errno;
    return -1;
  };
  const broken: Libc = {
    ...libc,
    errno: () => {
      const number = failed === 0 ? libc.errno() : failed;
      failed = 0;
      return number;
    },
    ...Object.fromEntries(names.map((name) => [name, fail])),
  };
  const kernel = createLinuxKernel(broken);
  return syscallsOf(() => kernel);
}

const codeOf = (body: () => unknown): string => {
  try {
    body();
    return 'none';
  } catch (error) {
    return error instanceof Error && 'code' in error ? `${error.code}` : 'odd';
  }
};

const open: number[] = [];
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kqueue-'));
});

afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const file = (): number => {
  const fd = openSync(join(folder, 'file'), 'w+');
  open.push(fd);
  return fd;
};

for (const errno of [ENOSYS, EPERM]) {
  onLinux(
    `without epoll_pwait2 a wait still ends in time and at an event (errno ${errno})`,
    () => {
      const { kqueue, kevent, close } = lacking(['epollPwait2'], errno);
      const q = kqueue();
      const list = new KeventList(4);
      const start = performance.now();
      expect(kevent(q, null, list, 30)).toBe(0);
      const waited = performance.now() - start;
      expect(waited).toBeGreaterThanOrEqual(30);
      const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 20 };
      expect(kevent(q, [timer], list, 5000)).toBe(1);
      expect(kevent(q, [timer], list, null)).toBe(1);
      close(q);
    },
  );
}

onLinux('without kcmp a queue works, and so does a dup of it', () => {
  const { kqueue, kevent, close } = lacking(['kcmp'], EPERM);
  const q = kqueue();
  const list = new KeventList(4);
  const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD };
  const copy = dup(q);
  forget(copy);
  expect(kevent(copy, [{ ...user, fflags: NOTE_TRIGGER }], list, 0)).toBe(1);
  const fd = file();
  expect(codeOf(() => kevent(fd, null, list, 0))).toBe('EBADF');
  close(q);
  expect(codeOf(() => kevent(q, null, list, 0))).toBe('EBADF');
  expect(kevent(copy, null, list, 0)).toBe(1);
  close(copy);
});

onLinux('without pidfd watching a process fails with a clear error', () => {
  const { kqueue, kevent, close } = lacking(['pidfdOpen'], ENOSYS);
  const q = kqueue();
  const change = {
    ident: process.ppid,
    filter: EVFILT_PROC ?? 0,
    flags: EV_ADD,
    fflags: NOTE_EXIT ?? 0,
  };
  expect(codeOf(() => kevent(q, [change], null))).toBe('ENOSYS');
  expect(kevent(q, null, new KeventList(1), 0)).toBe(0);
  close(q);
});

onLinux('without an inotify instance only files cannot be watched', () => {
  const { kqueue, kevent, close } = lacking(['inotifyInit'], EMFILE);
  const q = kqueue();
  const list = new KeventList(4);
  const fd = file();
  const vnode = {
    ident: fd,
    filter: EVFILT_VNODE ?? 0,
    flags: EV_ADD,
    fflags: NOTE_WRITE ?? 0,
  };
  expect(codeOf(() => kevent(q, [vnode], null))).toBe('EMFILE');
  const read = { ident: fd, filter: EVFILT_READ, flags: EV_ADD };
  expect(kevent(q, [read], list, 0)).toBe(0);
  writeSync(fd, 'abc', 0);
  expect(kevent(q, null, list, 0)).toBe(1);
  expect(list.data(0)).toBe(3);
  close(q);
});

/** Append to a file from outside while a call waits: what the call collected. */
async function appendWhileWaiting(
  { kevent }: Syscalls,
  q: number,
  to: string,
): Promise<number> {
  const list = new KeventList(4);
  const script = `sleep 0.1; printf abc >> ${to}; sleep 5`;
  // Its children must not inherit pipes of this process.
  const child = spawn('sh', ['-c', script], { stdio: 'ignore' });
  try {
    const start = performance.now();
    const count = kevent(q, null, list, 4000);
    // A call that timed out has polled once more.
    return performance.now() - start < 3000 ? count : 0;
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

for (const [name, errno] of [
  ['inotifyInit', EMFILE],
  ['inotifyAddWatch', ENOSPC],
] as const) {
  onLinux(
    `a wait on a file ends when it grows, without inotify (${name})`,
    async () => {
      const calls = lacking([name], errno);
      const q = calls.kqueue();
      const fd = file();
      const read = { ident: fd, filter: EVFILT_READ, flags: EV_ADD };
      calls.kevent(q, [read], null);
      const path = join(folder, 'file');
      expect(await appendWhileWaiting(calls, q, path)).toBe(1);
      calls.close(q);
    },
  );

  onLinux(`a refusal of inotify names the file and the limit (${name})`, () => {
    const { kqueue, kevent, close } = lacking([name], errno);
    const q = kqueue();
    const vnode = {
      ident: file(),
      filter: EVFILT_VNODE ?? 0,
      flags: EV_ADD,
      fflags: NOTE_WRITE ?? 0,
    };
    const limit = /fs\.inotify\.max_user_(watches|instances)/;
    expect(() => kevent(q, [vnode], null)).toThrow(limit);
    expect(() => kevent(q, [vnode], null)).toThrow(join(folder, 'file'));
    // The reason is that of the call that failed.
    const missing = { ident: 9, filter: EVFILT_TIMER, flags: 2 };
    expect(() => kevent(q, [missing], null)).toThrow(/^kevent ENOENT$/);
    close(q);
  });
}

onLinux('a wait on a memfd ends when it grows', async () => {
  const fd = memfdCreate('kinds', 0);
  open.push(fd);
  const calls = lacking([], 0);
  const q = calls.kqueue();
  const read = { ident: fd, filter: EVFILT_READ, flags: EV_ADD };
  calls.kevent(q, [read], null);
  const path = `/proc/${process.pid}/fd/${fd}`;
  const writer = new Worker(
    join(root, '__tests__/fixtures/linux/write-later.cjs'),
    { workerData: fd },
  );
  try {
    // In this very file, which no file system reports.
    const list = new KeventList(1);
    const fflags = NOTE_WRITE ?? 0;
    const vnode = {
      ident: fd,
      filter: EVFILT_VNODE ?? 0,
      flags: EV_ADD,
      fflags,
    };
    expect(codeOf(() => calls.kevent(q, [vnode], null))).toBe('EINVAL');
    expect(calls.kevent(q, null, list, 4000)).toBe(1);
    expect(statSync(path).size - Number(list.data(0))).toBeLessThanOrEqual(3);
  } finally {
    await writer.terminate();
  }
  calls.close(q);
});

onLinux('several memfds can be watched', () => {
  const { kqueue, kevent, close } = lacking([], 0);
  const q = kqueue();
  const list = new KeventList(4);
  for (const name of ['first', 'second']) {
    const fd = memfdCreate(name, 0);
    open.push(fd);
    kevent(q, [{ ident: fd, filter: EVFILT_READ, flags: EV_ADD }], null);
    writeSync(fd, 'abc', 0);
  }
  expect(kevent(q, null, list, 0)).toBe(2);
  close(q);
});

onLinux('without a second epoll the other direction is EMFILE', () => {
  let isFull = false;
  const libc = bindLibc();
  const limited: Libc = {
    ...libc,
    epollCreate(flags) {
      if (!isFull) return libc.epollCreate(flags);
      libc.setErrno(EMFILE);
      return -1;
    },
  };
  const kernel = createLinuxKernel(limited);
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const q = kqueue();
  const [a, b] = socketpair();
  open.push(a, b);
  kevent(q, [{ ident: a, filter: EVFILT_READ, flags: EV_ADD }], null);
  isFull = true;
  const write = { ident: a, filter: EVFILT_WRITE, flags: EV_ADD };
  expect(codeOf(() => kevent(q, [write], null))).toBe('EMFILE');
  isFull = false;
  kevent(q, [write], null);
  close(q);
});

onLinux(
  'without sock_diag a mark does not wait for more than the buffer holds',
  () => {
    const libc = bindLibc();
    const socket = () => {
      libc.setErrno(EPERM);
      return -1;
    };
    const kernel = createLinuxKernel({ ...libc, socket });
    const { kqueue, kevent, close } = syscallsOf(() => kernel);
    const q = kqueue();
    const list = new KeventList(4);
    const [a, b] = socketpair();
    open.push(a, b);
    const read = { ident: a, filter: EVFILT_READ, flags: EV_ADD };
    const mark = { fflags: NOTE_LOWAT, data: 2 ** 30 };
    kevent(q, [{ ...read, ...mark }], null);
    writeSync(b, 'abc');
    expect(kevent(q, null, list, 1000)).toBe(1);
    expect(list.data(0)).toBe(3);
    close(q);
  },
);

onLinux(
  'without a free descriptor a mark does not wait for a full pipe',
  () => {
    const { kqueue, kevent, close } = lacking(['pipe'], EMFILE);
    const q = kqueue();
    const list = new KeventList(4);
    const [r, w] = pipe();
    const read = { ident: r, filter: EVFILT_READ, flags: EV_ADD };
    kevent(q, [{ ...read, fflags: NOTE_LOWAT, data: 65_536 }], null);
    // Each write leaves a part of its page unused.
    const total = fill(w, 3000);
    expect(kevent(q, null, list, 0)).toBe(1);
    expect(list.data(0)).toBe(total);
    close(q);
  },
);

onLinux('without sock_diag a datagram socket has no false EOF', () => {
  const { kqueue, kevent, close } = lacking(['socket'], EPERM);
  const q = kqueue();
  const list = new KeventList(4);
  const [a, b] = socketpair(SOCK_DGRAM);
  open.push(a, b);
  kevent(q, [{ ident: a, filter: EVFILT_WRITE, flags: EV_ADD }], null);
  for (let i = 0; i < 2; i++) {
    expect(kevent(q, null, list, 0)).toBe(1);
    expect(list.flags(0) & EV_EOF).toBe(0);
  }
  close(q);
});

onLinux('an exit without a known status is reported without one', () => {
  const { kqueue, kevent, close } = lacking(['waitid', 'ioctl'], EINVAL);
  const q = kqueue();
  const list = new KeventList(4);
  const { pid, end } = grandchild();
  const proc = { ident: pid, filter: EVFILT_PROC ?? 0, flags: EV_ADD };
  kevent(q, [{ ...proc, fflags: NOTE_EXITSTATUS ?? 0 }], null);
  end(3);
  expect(kevent(q, null, list, 4000)).toBe(1);
  expect([list.fflags(0), list.data(0)]).toEqual([0, 0]);
  expect(list.flags(0) & EV_EOF).toBe(EV_EOF);
  expect(kevent(q, null, list, 0)).toBe(0);
  close(q);
});

onLinux('a result of getsockopt that is too short is ignored', () => {
  const libc = bindLibc();
  const short: Libc = {
    ...libc,
    getsockopt(_fd, _level, _name, value, length) {
      const { u32, address } = libc.scratch;
      u32[(value - address) >> 2] = 77;
      u32[(length - address) >> 2] = 2;
      return 0;
    },
  };
  const probe = new Probe(short);
  expect(probe.socketType(0)).toBe(-1);
  expect(probe.tcpIsFull(0)).toBe(false);
});

onLinux('without a free inotify watch the queue stays usable', () => {
  const { kqueue, kevent, close } = lacking(['inotifyAddWatch'], ENOSPC);
  const q = kqueue();
  const list = new KeventList(4);
  const vnode = {
    ident: file(),
    filter: EVFILT_VNODE ?? 0,
    flags: EV_ADD | EV_CLEAR,
    fflags: NOTE_WRITE ?? 0,
  };
  expect(codeOf(() => kevent(q, [vnode], null))).toBe('ENOSPC');
  const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD };
  expect(kevent(q, [{ ...user, fflags: NOTE_TRIGGER }], list, 0)).toBe(1);
  close(q);
});

onLinux('inotify is opened again once that is possible', () => {
  const real = bindLibc();
  let isFull = false;
  const kernel = createLinuxKernel({
    ...real,
    inotifyInit(flags) {
      if (!isFull) return real.inotifyInit(flags);
      real.setErrno(EMFILE);
      return -1;
    },
  });
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const q = kqueue();
  const list = new KeventList(4);
  const fd = file();
  const instances = () =>
    openFiles().filter(([, kind]) => kind.endsWith('inotify'));
  const before = instances().length;
  const fflags = NOTE_WRITE ?? 0;
  const vnode = { ident: fd, filter: EVFILT_VNODE ?? 0, fflags };
  kevent(q, [{ ...vnode, flags: EV_ADD | EV_CLEAR }], null);
  // Other code closes it.
  closeSync(instances()[before][0]);
  /** More polls than a queue makes before it checks its parts. */
  const POLLS = 70;
  isFull = true;
  for (let i = 0; i < POLLS; i++) expect(kevent(q, null, list, 0)).toBe(0);
  isFull = false;
  writeSync(fd, 'abc', 0);
  let count = 0;
  for (let i = 0; i < POLLS && count === 0; i++) {
    count = kevent(q, null, list, 0);
  }
  expect(count).toBe(1);
  expect(list.fflags(0) & fflags).toBe(fflags);
  close(q);
});

onLinux(
  'without a timerfd a timer is refused and the queue stays usable',
  () => {
    const { kqueue, kevent, close } = lacking(['timerfdCreate'], EMFILE);
    const q = kqueue();
    const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD, data: 5 };
    expect(codeOf(() => kevent(q, [timer], null))).toBe('EMFILE');
    expect(kevent(q, null, new KeventList(1), 0)).toBe(0);
    close(q);
  },
);

for (const name of ['epollCreate', 'eventfd'] as const) {
  onLinux(
    `a queue that cannot be created leaves nothing open (${name})`,
    () => {
      const { kqueue } = lacking([name], EMFILE);
      const before = openCount();
      expect(codeOf(() => kqueue())).toBe('EMFILE');
      expect(openCount()).toBe(before);
    },
  );
}

onLinux('signals are counted without a descriptor for a pipe', () => {
  const real = bindLibc();
  const failing = (ends: number) => real.pipe(ends, -1);
  const kernel = createLinuxKernel({ ...real, pipe: failing });
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  const ident = constants.signals.SIGUSR2;
  kevent(kq, [{ ident, filter: EVFILT_SIGNAL, flags: EV_ADD }], null);
  const list = new KeventList(1);
  for (let i = 0; i < 3; i++) {
    signal('SIGUSR2');
    expect(kevent(kq, null, list, 1000)).toBe(1);
    expect(list.data(0)).toBe(1);
  }
  close(kq);
});

onLinux('a signal whose registration was refused is not counted', () => {
  const real = bindLibc();
  let isFull = false;
  const kernel = createLinuxKernel({
    ...real,
    epollCtl(...args) {
      if (!isFull) return real.epollCtl(...args);
      real.setErrno(ENOSPC);
      return -1;
    },
  });
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const kq = kqueue();
  // By default it is ignored.
  const ident = constants.signals.SIGWINCH;
  const add = { ident, filter: EVFILT_SIGNAL, flags: EV_ADD };
  isFull = true;
  expect(codeOf(() => kevent(kq, [add], null))).not.toBe('none');
  isFull = false;
  signal('SIGWINCH');
  kevent(kq, [add], null);
  const list = new KeventList(2);
  expect(kevent(kq, null, list, 0)).toBe(0);
  signal('SIGWINCH');
  expect(kevent(kq, null, list, 1000)).toBe(1);
  expect(list.data(0)).toBe(1);
  close(kq);
});

onLinux(
  "signals are counted in Node's listener without libuv's pipe",
  async () => {
    const real = bindLibc();
    const F_GETFL = 3;
    const kernel = createLinuxKernel({
      ...real,
      fcntl: (fd, op, arg) => (op === F_GETFL ? -1 : real.fcntl(fd, op, arg)),
    });
    const { kqueue, kevent, close } = syscallsOf(() => kernel);
    const kq = kqueue();
    const ident = constants.signals.SIGUSR2;
    kevent(kq, [{ ident, filter: EVFILT_SIGNAL, flags: EV_ADD }], null);
    const list = new KeventList(1);
    for (let i = 0; i < 2; i++) {
      signal('SIGUSR2');
      expect(kevent(kq, null, list, 0)).toBe(0);
      // The event loop calls the listener in one of its next turns.
      for (let turn = 0; turn < 1000; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
        if (poll(kq) !== 0) break;
      }
      // So it wakes a wait of the event loop.
      expect(poll(kq)).not.toBe(0);
      expect(kevent(kq, null, list, 0)).toBe(1);
      expect(list.data(0)).toBe(1);
    }
    close(kq);
  },
);
