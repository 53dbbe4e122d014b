// The inotify watches of a queue. None is left behind, a directory that was moved
// still wakes a wait, and nothing is lost or repeated if other code closes inotify.
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import {
  EV_ADD,
  EV_CLEAR,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_VNODE,
  type KeventInit,
  KeventList,
  kevent,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
} from '../../src/index.js';
import * as libc from '../conformance/libc.js';
import {
  closeElsewhere,
  fifo,
  file,
  isolate,
  kqueue,
  open,
  path,
  pipe,
} from '../conformance/world.js';
import { onLinux } from '../support/fds.js';
import { openFiles } from '../support/open-files.js';

isolate();

const list = new KeventList(16);
const EDGE = EV_ADD | EV_CLEAR;
const ALL =
  NOTE_DELETE |
  NOTE_WRITE |
  NOTE_EXTEND |
  NOTE_ATTRIB |
  NOTE_LINK |
  NOTE_RENAME;
const vnode = (ident: number, fflags = ALL): KeventInit => ({
  ident,
  filter: EVFILT_VNODE,
  flags: EDGE,
  fflags,
});
const read = (ident: number): KeventInit => ({
  ident,
  filter: EVFILT_READ,
  flags: EDGE,
});

const add = (q: number, ...changes: KeventInit[]): void => {
  kevent(q, changes, null);
};
const remove = (q: number, ...changes: KeventInit[]): void => {
  add(q, ...changes.map((change) => ({ ...change, flags: EV_DELETE })));
};

/** Collect: the notes by descriptor. */
function collect(q: number): Record<string, number> {
  kevent(q, null, list, 0);
  return Object.fromEntries(
    [...list].map(({ ident, fflags }) => [ident, fflags]),
  );
}

/** More polls than a queue makes before it checks its parts twice. */
const POLLS = 140;

/** Collect until something is reported. */
function collectSome(q: number): Record<string, number> {
  for (let i = 0; i < POLLS; i++) {
    const seen = collect(q);
    if (Object.keys(seen).length > 0) return seen;
  }
  return {};
}

/** The descriptors of inotify. */
const instances = (): number[] =>
  openFiles()
    .filter(([, kind]) => kind.endsWith('inotify'))
    .map(([fd]) => fd);

/** How many inodes inotify watches for this process. */
const watchCount = (): number =>
  instances()
    .map((fd) => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))
    .reduce((sum, info) => sum + info.split('inotify wd:').length - 1, 0);

/** Make directories, and open them. */
const directories = (...names: string[]): number[] =>
  names.map((name) => {
    mkdirSync(path(name));
    return open(path(name), 'r');
  });

onLinux('a deleted registration leaves no watch', () => {
  const q = kqueue();
  const before = watchCount();
  const [r] = pipe();
  const changes = [
    vnode(file(1).fd),
    read(file(1, 'read').fd),
    ...directories('one', 'two', 'one/below').map((fd) => vnode(fd)),
    read(r),
    read(fifo()[0]),
  ];
  for (let i = 0; i < 2; i++) {
    add(q, ...changes);
    // Two parents are watched too, and one is registered itself.
    expect(watchCount() - before).toBe(changes.length + 1);
    remove(q, ...changes);
    expect(watchCount()).toBe(before);
  }
});

onLinux('a deleted registration leaves the watch of others', () => {
  const q = kqueue();
  const [one, two] = directories('one', 'two');
  const { fd, at } = file(1);
  const other = open(at, 'r');
  add(q, vnode(one), vnode(two), vnode(fd), vnode(other));
  remove(q, vnode(one), vnode(fd));
  expect(libc.poll(q)).toBe(0);
  rmdirSync(path('two'));
  expect(libc.poll(q)).toBe(libc.POLLIN);
  appendFileSync(at, 'x');
  expect(collect(q)).toEqual({
    [two]: NOTE_DELETE | NOTE_LINK,
    [other]: NOTE_WRITE | NOTE_EXTEND,
  });
});

onLinux('the removal of a directory that was moved wakes a wait', () => {
  const q = kqueue();
  directories('from', 'to');
  const [fd] = directories('from/moved');
  add(q, vnode(fd));
  const before = watchCount();
  renameSync(path('from/moved'), path('to/moved'));
  expect(collect(q)).toEqual({ [fd]: NOTE_RENAME });
  expect(watchCount()).toBe(before);
  // The end of the old watch is no event.
  expect(collect(q)).toEqual({});
  expect(libc.poll(q)).toBe(0);
  rmdirSync(path('to/moved'));
  expect(libc.poll(q)).toBe(libc.POLLIN);
  expect(collect(q)).toEqual({ [fd]: NOTE_DELETE | NOTE_LINK });
});

describe('after other code closed inotify', () => {
  const closeInotify = (before: readonly number[]): void => {
    const made = instances().filter((fd) => !before.includes(fd));
    expect(made).toHaveLength(1);
    made.forEach(closeSync);
  };

  onLinux('files report what may have changed, once', () => {
    const before = instances();
    const q = kqueue();
    const names = ['same', 'grown', 'renamed'];
    const [same, grown, renamed] = names.map((name) => {
      const { fd } = file(1, name);
      add(q, vnode(fd));
      return fd;
    });
    closeInotify(before);
    appendFileSync(path('grown'), 'x');
    renameSync(path('renamed'), path('elsewhere'));
    const unknown = NOTE_WRITE | NOTE_ATTRIB;
    expect(collectSome(q)).toEqual({
      [same]: unknown,
      [grown]: unknown | NOTE_EXTEND,
      [renamed]: unknown | NOTE_RENAME,
    });
    expect(collectSome(q)).toEqual({});
    // Its new name is not a change.
    closeInotify(before);
    expect(collectSome(q)).toMatchObject({ [renamed]: unknown });
    appendFileSync(path('same'), 'x');
    expect(collect(q)).toEqual({ [same]: NOTE_WRITE | NOTE_EXTEND });
  });

  onLinux('the removal of a directory wakes a wait', () => {
    const before = instances();
    const q = kqueue();
    const [fd] = directories('folder');
    add(q, vnode(fd, NOTE_DELETE));
    closeInotify(before);
    for (let i = 0; i < POLLS; i++) expect(collect(q)).toEqual({});
    expect(libc.poll(q)).toBe(0);
    rmdirSync(path('folder'));
    expect(libc.poll(q)).toBe(libc.POLLIN);
    expect(collect(q)).toEqual({ [fd]: NOTE_DELETE | NOTE_LINK });
  });

  onLinux('a new registration reports a write at once', () => {
    const before = instances();
    const q = kqueue();
    const [one, other] = [file(1, 'one').fd, file(1, 'other').fd];
    add(q, vnode(one));
    closeInotify(before);
    const writer = open(path('other'), 'r+');
    add(q, vnode(other));
    writeSync(writer, 'x', 0);
    expect(collect(q)).toMatchObject({ [other]: NOTE_WRITE });
  });
});

onLinux('nothing is reported if other code closed only its epoll', () => {
  const epolls = () =>
    openFiles()
      .filter(([, kind]) => kind.endsWith('[eventpoll]'))
      .map(([fd]) => fd);
  const before = epolls();
  const q = kqueue();
  const [one, other] = [file(1, 'one').fd, file(1, 'other').fd];
  add(q, vnode(one));
  const made = epolls().filter((fd) => fd !== q && !before.includes(fd));
  expect(made).toHaveLength(1);
  made.forEach(closeSync);
  add(q, vnode(other));
  expect(collectSome(q)).toEqual({});
  for (const name of ['one', 'other']) appendFileSync(path(name), 'x');
  const grown = NOTE_WRITE | NOTE_EXTEND;
  expect(collect(q)).toEqual({ [one]: grown, [other]: grown });
});

onLinux('pipes report their events in order, also an EOF', () => {
  const q = kqueue();
  const [[a, toA], [b, toB], [c, toC]] = [pipe(), pipe(), pipe()];
  add(q, read(a), read(b), read(c));
  libc.write(toA, 1);
  closeElsewhere(toB);
  libc.write(toC, 1);
  kevent(q, null, list, 0);
  expect([...list].map(({ ident }) => ident)).toEqual([a, b, c]);
});
