// The kernel over a Linux that lacks something: an old one, or a sandbox.
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Syscalls, syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_PROC,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  EVFILT_VNODE,
  KeventList,
  NOTE_EXIT,
  NOTE_TRIGGER,
  NOTE_WRITE,
} from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { gate } from '../conformance/cases.js';

const ENOSYS = 38;
const EPERM = 1;
const EMFILE = 24;
const ENOSPC = 28;

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

onLinux('without kcmp a queue works, and a dup of it is not known', () => {
  const { kqueue, kevent, close } = lacking(['kcmp'], EPERM);
  const q = kqueue();
  const list = new KeventList(4);
  const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD };
  expect(kevent(q, [{ ...user, fflags: NOTE_TRIGGER }], list, 0)).toBe(1);
  const fd = file();
  expect(codeOf(() => kevent(fd, null, list, 0))).toBe('EBADF');
  close(q);
  expect(codeOf(() => kevent(q, null, list, 0))).toBe('EBADF');
});

onLinux('without pidfd a process cannot be watched, and that is said', () => {
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

onLinux(
  'without an inotify instance files are not watched, the rest is',
  () => {
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
  },
);

onLinux('without room for a watch the queue stays usable', () => {
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
  onLinux(`a queue that cannot be made leaves nothing open (${name})`, () => {
    const { kqueue } = lacking([name], EMFILE);
    const count = () => readdirSync('/proc/self/fd').length;
    const before = count();
    expect(codeOf(() => kqueue())).toBe('EMFILE');
    expect(count()).toBe(before);
  });
}
