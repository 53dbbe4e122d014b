// What inotify has queued, however much, is read; names that end as the
// kernel marks those of unlinked files.
import {
  appendFileSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeventList, kevent } from '../../src/index.js';
import {
  EV_ADD,
  EV_CLEAR,
  EVFILT_VNODE,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../conformance/constants.js';
import { adopt, dispose, kqueue } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kqueue-'));
});
afterEach(() => {
  dispose();
  rmSync(folder, { recursive: true });
});

const watch = (q: number, path: string, fflags: number): number => {
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
