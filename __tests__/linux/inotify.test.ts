// What inotify has queued, however much, is read; names that end as the
// kernel marks those of unlinked files, or are not UTF-8; open files that lose
// their last name.
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeventList, kevent } from '../../src/index.js';
import { gate } from '../conformance/cases.js';
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_VNODE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../conformance/constants.js';
import * as libc from '../conformance/libc.js';
import { adopt, dispose, kqueue } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

/** How many events inotify keeps. */
const queued =
  process.platform === 'linux'
    ? Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'))
    : 0;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kqueue-'));
});
afterEach(() => {
  dispose();
  rmSync(folder, { recursive: true });
});

const watch = (q: number, path: string | Buffer, fflags: number): number => {
  const ident = adopt(openSync(path, 'r'));
  const flags = EV_ADD | EV_CLEAR;
  kevent(q, [{ ident, filter: EVFILT_VNODE, flags, fflags }], null);
  return ident;
};

onLinux('a change after a flood of long names is reported promptly', () => {
  const q = kqueue();
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const directory = watch(q, folder, NOTE_WRITE);
  const fd = watch(q, file, NOTE_EXTEND);
  // More than a megabyte of events, and fewer than inotify keeps.
  const one = join(folder, 'a'.repeat(250));
  const other = join(folder, 'b'.repeat(250));
  writeFileSync(one, '');
  for (let i = 0; i < 1500; i++) {
    renameSync(one, other);
    renameSync(other, one);
  }
  appendFileSync(file, 'abc');
  const list = new KeventList(4);
  kevent(q, null, list, 0);
  const idents = [...list].map(({ ident }) => ident);
  expect(idents).toEqual([directory, fd]);
  expect(list.fflags(1)).toBe(NOTE_EXTEND);
});

onLinux('watches a file whose name ends in " (deleted)"', () => {
  const q = kqueue();
  const path = join(folder, 'file (deleted)');
  const other = join(folder, 'other');
  writeFileSync(path, '');
  writeFileSync(other, '');
  watch(q, path, NOTE_DELETE | NOTE_LINK | NOTE_RENAME);
  renameSync(other, path);
  const list = new KeventList(4);
  kevent(q, null, list, 0);
  // Replaced, not unlinked: spec I4.
  expect([...list].map(({ fflags }) => fflags)).toEqual([NOTE_DELETE]);
});

onLinux('tells a replacement in a directory that was renamed', () => {
  const q = kqueue();
  const [before, after] = [join(folder, 'before'), join(folder, 'after')];
  mkdirSync(before);
  for (const name of ['file', 'other']) writeFileSync(join(before, name), '');
  watch(q, join(before, 'file'), NOTE_DELETE | NOTE_LINK);
  renameSync(before, after);
  renameSync(join(after, 'other'), join(after, 'file'));
  const list = new KeventList(4);
  kevent(q, null, list, 0);
  expect([...list].map(({ fflags }) => fflags)).toEqual([NOTE_DELETE]);
});

describe('in a directory whose name is not UTF-8', () => {
  let at: (name: string) => Buffer;
  beforeEach(() => {
    const directory = Buffer.concat([
      Buffer.from(join(folder, 'a')),
      Buffer.of(0xff),
    ]);
    mkdirSync(directory);
    at = (name) => Buffer.concat([directory, Buffer.from(`/${name}`)]);
  });

  onLinux('tells a replacement from a removal', () => {
    const q = kqueue();
    for (const name of ['file', 'other']) writeFileSync(at(name), '');
    watch(q, at('file'), NOTE_DELETE | NOTE_LINK | NOTE_RENAME);
    renameSync(at('other'), at('file'));
    const list = new KeventList(4);
    kevent(q, null, list, 0);
    expect([...list].map(({ fflags }) => fflags)).toEqual([NOTE_DELETE]);
  });

  onLinux('the removal of a directory wakes a wait', () => {
    const q = kqueue();
    mkdirSync(at('directory'));
    watch(q, at('directory'), NOTE_DELETE);
    expect(kevent(q, null, new KeventList(4), 0)).toBe(0);
    expect(libc.poll(q)).toBe(0);
    rmdirSync(at('directory'));
    expect(libc.poll(q)).toBe(libc.POLLIN);
  });
});

onLinux('a rename is one event, also between two reads of inotify', () => {
  const q = kqueue();
  watch(q, folder, NOTE_LINK);
  const one = join(folder, 'a'.repeat(20));
  const other = join(folder, 'b'.repeat(20));
  mkdirSync(one);
  const list = new KeventList(4);
  expect(kevent(q, null, list, 0)).toBe(1);
  // An odd number of these events fits into the memory of one read.
  for (let i = 0; i < 500; i++) {
    renameSync(one, other);
    renameSync(other, one);
  }
  // A directory stays in its parent, whose links do not change.
  expect(kevent(q, null, list, 0)).toBe(0);
});

describe('an open file that loses its last name', () => {
  let path: string;
  let other: string;
  let fd: number;
  const list = new KeventList(4);
  const open = (flags: string) => {
    linkSync(path, other);
    fd = adopt(openSync(path, flags));
  };
  // inotify ends with the second one, because that is not the name it was opened by.
  const removeNames = () => {
    unlinkSync(path);
    unlinkSync(other);
  };
  beforeEach(() => {
    path = join(folder, 'file');
    other = join(folder, 'link');
  });

  const writesToFifo = (flags: number) => {
    libc.mkfifo(path);
    open('r+');
    const q = kqueue();
    const fifo = { ident: fd, filter: EVFILT_READ, flags };
    // The first one makes the queue follow all of its pipes.
    const [pipe] = libc.pipe().map(adopt);
    kevent(q, [{ ...fifo, ident: pipe, flags: EV_ADD | EV_CLEAR }], null);
    kevent(q, [fifo], null);
    removeNames();
    for (let i = 0; i < 3; i++) {
      writeSync(fd, 'abc');
      expect(kevent(q, null, list, 5000)).toBe(1);
      expect(list.data(0)).toBe(3);
      libc.read(fd, 3);
      expect(kevent(q, null, list, 0)).toBe(0);
    }
  };
  onLinux('EVFILT_READ reports all writes to a FIFO', () =>
    writesToFifo(EV_ADD),
  );
  onLinux('so it does with EV_CLEAR', () => writesToFifo(EV_ADD | EV_CLEAR));

  onLinux('EVFILT_VNODE reports a write before the next call', () => {
    writeFileSync(path, '');
    open('r+');
    const q = kqueue();
    const flags = EV_ADD | EV_CLEAR;
    const fflags = NOTE_WRITE | NOTE_EXTEND;
    kevent(q, [{ ident: fd, filter: EVFILT_VNODE, flags, fflags }], null);
    removeNames();
    for (let i = 0; i < 3; i++) {
      writeSync(fd, 'abc');
      expect(kevent(q, null, list, 5000)).toBe(1);
      expect(list.fflags(0)).toBe(NOTE_WRITE | NOTE_EXTEND);
    }
    expect(kevent(q, null, list, 0)).toBe(0);
  });

  gate(
    queued > 0 && queued < 60_000,
    'inotify queues more here than a test can fill',
  )('its writes are reported after inotify dropped events', () => {
    writeFileSync(path, '');
    open('r+');
    const q = kqueue();
    const noisy = ['a', 'b'].map((name) => {
      const file = join(folder, name);
      writeFileSync(file, '');
      watch(q, file, NOTE_WRITE);
      return adopt(openSync(file, 'r+'));
    });
    const flags = EV_ADD | EV_CLEAR;
    const change = { ident: fd, filter: EVFILT_VNODE, flags };
    kevent(q, [{ ...change, fflags: NOTE_EXTEND }], null);
    // Two in turn: the kernel would merge events that are alike.
    for (let i = 0; i <= queued; i++) writeSync(noisy[i % 2], 'x', 0);
    removeNames();
    while (kevent(q, null, list, 0) > 0);
    for (let i = 0; i < 3; i++) {
      writeSync(fd, 'abc');
      expect(kevent(q, null, list, 5000)).toBe(1);
      expect(list.ident(0)).toBe(fd);
    }
  });
});
