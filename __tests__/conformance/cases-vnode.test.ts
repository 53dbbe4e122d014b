import {
  chmodSync,
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {
  adopt,
  caseWith,
  chg,
  EDGE,
  EV_ADD,
  EV_DELETE,
  EV_DISPATCH,
  EV_ENABLE,
  EV_ONESHOT,
  EVFILT_VNODE,
  expectEvents,
  get,
  type Instead,
  isolate,
  kqueue,
  libc,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_FUNLOCK,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
  open,
  path,
  poll,
  refusal,
} from './prelude.js';

isolate();

const vnode = (ident: number) => ({ ident, filter: EVFILT_VNODE });
const vnodeCase = (
  id: string,
  title: string,
  body: () => void,
  instead?: Instead,
): void => caseWith(['EVFILT_VNODE'], id, title, body, instead);

/** A watched file of ten bytes, and a check of its notes. */
function watched(fflags: number, flags = EDGE) {
  const q = kqueue();
  const at = path('file');
  writeFileSync(at, 'ten bytes.');
  const fd = adopt(openSync(at, 'r+'));
  chg(q, { ...vnode(fd), flags, fflags });
  const expectNotes = (...notes: number[]): void =>
    expectEvents(
      poll(q),
      ...notes.map((note) => ({ ...vnode(fd), flags, fflags: note })),
    );
  return { q, at, fd, flags, expectNotes };
}

/** A watched folder, and a check of its notes. */
function watchedFolder(fflags: number) {
  const q = kqueue();
  const at = path('folder');
  mkdirSync(at);
  const fd = open(at, 'r');
  chg(q, { ...vnode(fd), flags: EDGE, fflags });
  const expectNotes = (...notes: number[]): void =>
    expectEvents(
      poll(q),
      ...notes.map((note) => ({ ...vnode(fd), flags: EDGE, fflags: note })),
    );
  return { at, expectNotes };
}

const append = (at: string): void => writeFileSync(at, 'more', { flag: 'a' });

vnodeCase('V02', 'NOTE_WRITE reports an append', () => {
  const { at, expectNotes } = watched(NOTE_WRITE);
  append(at);
  expectNotes(NOTE_WRITE);
});

vnodeCase(
  'V03',
  'EXTEND reports that the file grew, and no other write',
  () => {
    const { at, fd, expectNotes } = watched(NOTE_EXTEND);
    append(at);
    expectNotes(NOTE_EXTEND);
    writeSync(fd, 'x', 0);
    expectNotes();
  },
);

vnodeCase('V05', 'ATTRIB reports chmod, and not reading', () => {
  const { at, expectNotes } = watched(NOTE_ATTRIB);
  chmodSync(at, 0o600);
  expectNotes(NOTE_ATTRIB);
  readFileSync(at);
  statSync(at);
  closeSync(openSync(at, 'r'));
  expectNotes();
});

vnodeCase('V06', 'ATTRIB reports new times', () => {
  const { at, expectNotes } = watched(NOTE_ATTRIB);
  utimesSync(at, 1, 2);
  expectNotes(NOTE_ATTRIB);
});

vnodeCase('V08', 'EXTEND reports a truncate to a larger size', () => {
  const { fd, expectNotes } = watched(NOTE_EXTEND);
  ftruncateSync(fd, 100);
  expectNotes(NOTE_EXTEND);
});

vnodeCase('V09', 'LINK reports a new name and a removed one', () => {
  const { at, expectNotes } = watched(NOTE_LINK);
  linkSync(at, path('other'));
  expectNotes(NOTE_LINK);
  unlinkSync(path('other'));
  expectNotes(NOTE_LINK | NOTE_DELETE);
});

vnodeCase('V11', 'DELETE reports the removal of one name of two', () => {
  const { at, expectNotes } = watched(NOTE_DELETE);
  linkSync(at, path('other'));
  expectNotes();
  unlinkSync(at);
  expectNotes(NOTE_DELETE | NOTE_LINK);
});

vnodeCase(
  'V12',
  'RENAME reports a rename to a new name, not to the same name',
  () => {
    const { at, expectNotes } = watched(NOTE_RENAME);
    renameSync(at, path('renamed'));
    expectNotes(NOTE_RENAME);
    renameSync(path('renamed'), path('renamed'));
    expectNotes();
  },
);

vnodeCase('V14', 'renaming over a file reports the target first', () => {
  const q = kqueue();
  const [source, target] = ['source', 'target'].map((name) => {
    writeFileSync(path(name), '');
    return open(path(name), 'r');
  });
  chg(
    q,
    { ...vnode(source), flags: EDGE, fflags: NOTE_RENAME },
    { ...vnode(target), flags: EDGE, fflags: NOTE_DELETE },
  );
  renameSync(path('source'), path('target'));
  expectEvents(
    poll(q),
    { ...vnode(target), flags: EDGE, fflags: NOTE_DELETE },
    { ...vnode(source), flags: EDGE, fflags: NOTE_RENAME },
  );
});

vnodeCase('V15', 'WRITE of a directory reports each changed entry', () => {
  const { at, expectNotes } = watchedFolder(NOTE_WRITE);
  writeFileSync(`${at}/a`, '');
  expectNotes(NOTE_WRITE);
  renameSync(`${at}/a`, `${at}/b`);
  expectNotes(NOTE_WRITE);
  unlinkSync(`${at}/b`);
  expectNotes(NOTE_WRITE);
});

vnodeCase('V17', 'LINK of a directory reports new subdirectories only', () => {
  const { at, expectNotes } = watchedFolder(NOTE_LINK);
  writeFileSync(`${at}/file`, '');
  expectNotes();
  mkdirSync(`${at}/folder`);
  expectNotes(NOTE_LINK | NOTE_WRITE);
});

vnodeCase('V18', 'DELETE reports the removal of a directory', () => {
  const q = kqueue();
  const at = path('folder');
  mkdirSync(at);
  const fd = open(at, 'r');
  chg(q, { ...vnode(fd), flags: EDGE, fflags: NOTE_DELETE });
  rmdirSync(at);
  const fflags = NOTE_DELETE | NOTE_LINK;
  expectEvents(get(q, 1, 100), { ...vnode(fd), flags: EDGE, fflags });
});

vnodeCase('V20', 'EV_CLEAR gathers notes until they are collected', () => {
  const { at, fd, expectNotes } = watched(NOTE_WRITE | NOTE_ATTRIB);
  writeSync(fd, 'x', 0);
  chmodSync(at, 0o600);
  expectNotes(NOTE_WRITE | NOTE_ATTRIB);
  expectNotes();
  writeSync(fd, 'x', 0);
  expectNotes(NOTE_WRITE);
});

vnodeCase(
  'V21',
  'a registration without notes is accepted, and reports nothing',
  () => {
    const { at, expectNotes } = watched(0);
    append(at);
    chmodSync(at, 0o600);
    expectNotes();
  },
);

const unlockTells =
  (...notes: number[]) =>
  () => {
    const { fd, expectNotes } = watched(NOTE_FUNLOCK);
    libc.lockAndUnlock(fd);
    expectNotes(...notes);
  };
vnodeCase('V23', 'FUNLOCK reports an unlock', unlockTells(NOTE_FUNLOCK), {
  linux: unlockTells(),
});

const mappedStoreTells =
  (...notes: number[]) =>
  () => {
    const { fd, expectNotes } = watched(NOTE_WRITE);
    libc.storeThroughMapping(fd);
    expectNotes(...notes);
  };
vnodeCase(
  'V24',
  'WRITE reports a store through a mapping',
  mappedStoreTells(NOTE_WRITE),
  { linux: mappedStoreTells() },
);

vnodeCase(
  'V26',
  'a change while DISPATCH disables it is reported after ENABLE',
  () => {
    const flags = EV_ADD | EV_DISPATCH;
    const { q, at, fd, expectNotes } = watched(NOTE_ATTRIB, flags);
    chmodSync(at, 0o600);
    expectNotes(NOTE_ATTRIB);
    chmodSync(at, 0o644);
    expectNotes();
    chg(q, { ...vnode(fd), flags: EV_ENABLE, fflags: NOTE_ATTRIB });
    expectNotes(NOTE_ATTRIB);
  },
);

vnodeCase('V27', 'ONESHOT reports once and removes the registration', () => {
  const { q, at, fd, expectNotes } = watched(NOTE_ATTRIB, EV_ADD | EV_ONESHOT);
  chmodSync(at, 0o600);
  chmodSync(at, 0o644);
  expectNotes(NOTE_ATTRIB);
  chmodSync(at, 0o600);
  expectNotes();
  expect(refusal(q, { ...vnode(fd), flags: EV_DELETE })).toBe('ENOENT');
});
