// EVFILT_PROC: which numbers are processes, those of other users, and one that is
// reaped while other code has closed the descriptor that watches it.
import { readdirSync } from 'node:fs';
import koffi from 'koffi';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc, type Libc } from '../../src/ffi/libc.js';
import { type KeventInit, KeventList, kevent } from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { refusal } from '../conformance/calls.js';
import { gate } from '../conformance/cases.js';
import {
  EV_ADD,
  EV_DELETE,
  EVFILT_PROC,
  NOTE_EXIT,
  NOTE_EXITSTATUS,
} from '../conformance/constants.js';
import { child, isolate, kqueue } from '../conformance/world.js';
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

isolate();

const list = new KeventList(4);
const BOTH = (NOTE_EXIT | NOTE_EXITSTATUS) >>> 0;
const add = (ident: number, fflags = BOTH): KeventInit => ({
  ident,
  filter: EVFILT_PROC,
  flags: EV_ADD,
  fflags,
});

onLinux('M1 a thread and a negative number are no processes', () => {
  const q = kqueue();
  const threads = readdirSync('/proc/self/task').map(Number);
  const thread = threads.find((id) => id !== process.pid) ?? -1;
  expect(thread).toBeGreaterThan(0);
  for (const ident of [thread, 2 ** 32 - 1]) {
    expect(refusal(q, add(ident))).toBe('ESRCH');
  }
});

onLinux('M14 process 0, the kernel, never ends', () => {
  const q = kqueue();
  kevent(q, [add(0)], null);
  expect(kevent(q, null, list, 0)).toBe(0);
  kevent(q, [{ ...add(0), flags: EV_DELETE }], null);
});

onLinux('M6 the status of a process that dumped its core has 0x80', () => {
  const real = bindLibc();
  const CLD_DUMPED = 3;
  const waitid: Libc['waitid'] = (type, id, info, options) => {
    const result = real.waitid(type, id, info, options);
    // Whether one is really dumped depends on the limits of the host.
    koffi.encode(BigInt(info + 8), 'int', CLD_DUMPED);
    return result;
  };
  const kernel = createLinuxKernel({ ...real, waitid });
  const { kqueue, kevent, close } = syscallsOf(() => kernel);
  const q = kqueue();
  const { pid, end } = child();
  kevent(q, [add(pid)], null);
  end('SIGTERM');
  expect(kevent(q, null, list, 5000)).toBe(1);
  expect(list.data(0)).toBe(15 | 0x80);
  close(q);
});

const asRoot = gate(
  process.platform === 'linux' && process.getuid?.() === 0,
  'only root can become another user',
);

asRoot('M2 the status of a process of another user is EACCES', async () => {
  const [codes, code, seen] = await printedBy('linux/processes', 'dropped');
  // Not that of a child, nor the exit alone.
  expect(codes).toEqual(['EACCES', 'none', 'none']);
  expect(code).toBe('none');
  expect(seen).toEqual({ own: [BOTH, 3 << 8], other: [0, 0] });
});

onLinux('reports an exit although other code closed the pidfd', async () => {
  const printed = await printedBy('linux/processes', 'reaped');
  expect(printed).toEqual(['none', 1, 'reaped', [[true, NOTE_EXIT >>> 0, 0]]]);
});
