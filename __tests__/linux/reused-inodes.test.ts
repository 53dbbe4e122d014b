// Most file systems give the inode number of a deleted file to the next one. If it
// gets the descriptor's number too, it is still another file: it has no
// registration, and one of its own loses nothing.
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Syscalls, syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc } from '../../src/ffi/libc.js';
import {
  close,
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_VNODE,
  KeventList,
  kevent,
  kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_LINK,
  NOTE_WRITE,
} from '../../src/index.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import { codeOf } from '../conformance/calls.js';
import * as libc from '../conformance/libc.js';
import { onLinux } from '../support/fds.js';

/** The calls on a file system without file handles, as overlayfs. */
function callsWithoutGenerations(): Syscalls {
  const real = bindLibc();
  const kernel = createLinuxKernel({ ...real, nameToHandleAt: () => -1 });
  return syscallsOf(() => kernel);
}

let folder: string;
let fds: number[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  fds = [];
});
afterEach(() => {
  for (const fd of fds) closeSync(fd);
  rmSync(folder, { recursive: true });
});

const epolls = (): string[] =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).endsWith('[eventpoll]');
    } catch {
      return false;
    }
  });

const list = new KeventList(4);

onLinux('a temporary file is not the FIFO before it', () => {
  const q = kqueue();
  const fifo = join(folder, 'fifo');
  const path = join(folder, 'file');
  libc.mkfifo(fifo);
  const first = openSync(fifo, 'r+');
  const fflags = NOTE_DELETE | NOTE_LINK | NOTE_WRITE | NOTE_ATTRIB;
  const change = { filter: EVFILT_VNODE, flags: EV_ADD | EV_CLEAR, fflags };
  kevent(q, [{ ...change, ident: first }], null);
  closeSync(first);
  unlinkSync(fifo);
  const second = openSync(path, 'w+');
  fds.push(second);
  expect(second).toBe(first);
  unlinkSync(path);
  writeSync(second, 'x');
  expect(kevent(q, null, list, 0)).toBe(0);
  writeSync(second, 'x');
  expect(kevent(q, null, list, 0)).toBe(0);
  close(q);
});

describe.each([
  ['EVFILT_VNODE', EVFILT_VNODE, NOTE_WRITE],
  ['EVFILT_READ', EVFILT_READ, 0],
] as const)('%s', (_, filter, fflags) => {
  const change = { filter, flags: EV_ADD | EV_CLEAR, fflags };

  onLinux('a temporary file is not the one before it', () => {
    const q = kqueue();
    const collect = () => kevent(q, null, list, 0);
    // Its name is removed at once, and it ends when it is closed.
    const openNameless = () => {
      const path = join(folder, 'nameless');
      const fd = openSync(path, 'w+');
      unlinkSync(path);
      return fd;
    };
    const first = openNameless();
    kevent(q, [{ ...change, ident: first }], null);
    writeSync(first, 'x');
    collect();
    closeSync(first);
    const second = openNameless();
    fds.push(second);
    expect(second).toBe(first);
    writeSync(second, 'other');
    expect([collect(), collect()]).toEqual([0, 0]);
    const deletion = { ident: second, filter, flags: EV_DELETE };
    expect(codeOf(() => kevent(q, [deletion], null))).toBe('ENOENT');
    close(q);
  });

  onLinux('the next file is watched, though nothing told the end', () => {
    const { kqueue, kevent, close } = callsWithoutGenerations();
    const before = epolls();
    const q = kqueue();
    const path = join(folder, 'file');
    const open = () => {
      writeFileSync(path, '');
      return openSync(path, 'r');
    };
    const first = open();
    kevent(q, [{ ...change, ident: first, udata: 1 }], null);
    // Other code closes the epoll that would report the end of the first.
    const inner = epolls().filter(
      (fd) => !before.includes(fd) && Number(fd) !== q,
    );
    expect(inner).toHaveLength(1);
    fds.push(Number(inner[0]));
    const other = openSync('/dev/null', 'r');
    libc.dup2(other, Number(inner[0]));
    closeSync(other);
    unlinkSync(path);
    closeSync(first);
    const second = open();
    fds.push(second);
    expect(second).toBe(first);
    kevent(q, [{ ...change, ident: second, udata: 2 }], null);
    // More calls than it makes before it looks for closed parts.
    for (let i = 0; i < 100; i++) expect(kevent(q, null, list, 0)).toBe(0);
    for (let i = 0; i < 3; i++) {
      appendFileSync(path, 'x');
      expect(kevent(q, null, list, 5000)).toBe(1);
      expect(list.udata(0)).toBe(2);
    }
    close(q);
  });
});
