// EVFILT_VNODE: rules I of docs/rules.md that no case of the list covers, with
// several changes between two calls, and several descriptors of one file.
import {
  chmodSync,
  chownSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Kevent } from '../../src/index.js';
import {
  adopt,
  chg,
  closeElsewhere,
  dup,
  EDGE,
  EV_ADD,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_VNODE,
  expectEvents,
  fifo,
  file,
  gate,
  isolate,
  kqueue,
  NOTE_ATTRIB,
  NOTE_DELETE,
  NOTE_EXTEND,
  NOTE_LINK,
  NOTE_RENAME,
  NOTE_WRITE,
  open,
  path,
  poll,
  ruleTest,
} from './prelude.js';

isolate();

const ALL =
  NOTE_DELETE |
  NOTE_WRITE |
  NOTE_EXTEND |
  NOTE_ATTRIB |
  NOTE_LINK |
  NOTE_RENAME;
const REMOVED = NOTE_DELETE | NOTE_LINK;

const vnode = (ident: number, fflags = ALL) => ({
  ident,
  filter: EVFILT_VNODE,
  flags: EDGE,
  fflags,
});

/** A watched descriptor, and a check of its notes. */
function watched(fd: number, fflags = ALL) {
  const q = kqueue();
  chg(q, vnode(fd, fflags));
  return (...notes: number[]): void =>
    expectEvents(poll(q), ...notes.map((note) => vnode(fd, note)));
}

const byIdent = (events: Kevent[]): Kevent[] =>
  events.sort((a, b) => Number(a.ident) - Number(b.ident));

const asRoot =
  process.getuid?.() === 0 ? ruleTest : gate(false, 'only root can change it');

function folder(name: string): { at: string; fd: number } {
  const at = path(name);
  mkdirSync(at);
  return { at, fd: open(at, 'r') };
}

describe('Notes', () => {
  ruleTest('I2 without EV_CLEAR they are collected and reported again', () => {
    const { fd, at } = file(1);
    const q = kqueue();
    const level = { ...vnode(fd), flags: EV_ADD };
    chg(q, level);
    chmodSync(at, 0o600);
    for (let i = 0; i < 2; i++) {
      expectEvents(poll(q), { ...level, fflags: NOTE_ATTRIB });
    }
    linkSync(at, path('second'));
    const both = { ...level, fflags: NOTE_ATTRIB | NOTE_LINK };
    for (let i = 0; i < 2; i++) expectEvents(poll(q), both);
  });

  ruleTest('I7 a change replaces those requested, not those collected', () => {
    const { fd, at } = file(1);
    const q = kqueue();
    chg(q, vnode(fd, NOTE_ATTRIB));
    chmodSync(at, 0o600);
    chg(q, { ...vnode(fd, NOTE_LINK), flags: 0 });
    expectEvents(poll(q), vnode(fd, NOTE_ATTRIB));
    chmodSync(at, 0o400);
    expectEvents(poll(q));
    linkSync(at, path('second'));
    expectEvents(poll(q), vnode(fd, NOTE_LINK));
  });
});

describe('Contents', () => {
  ruleTest('I4 rewriting a file with less data reports NOTE_WRITE', () => {
    const { fd, at } = file(10);
    const expectNotes = watched(fd, NOTE_WRITE);
    writeFileSync(at, 'five.');
    expectNotes(NOTE_WRITE);
    const all = file(10, 'all');
    const reportsAll = watched(all.fd);
    writeFileSync(all.at, 'x');
    reportsAll(NOTE_ATTRIB | NOTE_WRITE | NOTE_EXTEND);
  });

  ruleTest('I4 truncating a file does not report NOTE_WRITE', () => {
    const fd = open(file(10).at, 'r+');
    const expectNotes = watched(fd);
    ftruncateSync(fd, 4);
    expectNotes(NOTE_ATTRIB);
    ftruncateSync(fd, 0);
    expectNotes(NOTE_ATTRIB);
  });

  ruleTest('I4 writing in place and closing reports NOTE_WRITE only', () => {
    for (const size of [1, 10]) {
      const { fd, at } = file(size, `${size}`);
      const expectNotes = watched(fd);
      writeFileSync(at, 'x', { flag: 'r+' });
      expectNotes(NOTE_WRITE);
    }
  });

  ruleTest('I4 emptying a file and closing it reports NOTE_ATTRIB only', () => {
    for (const size of [0, 10]) {
      const { fd, at } = file(size, `${size}`);
      const expectNotes = watched(fd);
      closeElsewhere(open(at, 'w'));
      expectNotes(NOTE_ATTRIB);
    }
  });

  ruleTest('I4 opening and reading report nothing', () => {
    const { at } = file(10);
    const fd = open(at, 'r+');
    const expectNotes = watched(fd);
    closeElsewhere(open(at, 'r'));
    expectNotes();
    // It does not affect later events either.
    ftruncateSync(fd, 4);
    expectNotes(NOTE_ATTRIB);
  });

  ruleTest('I4 writing to a FIFO reports NOTE_WRITE', () => {
    const [r, w] = fifo();
    const expectNotes = watched(r, NOTE_WRITE);
    writeSync(w, 'x');
    expectNotes(NOTE_WRITE);
  });
});

describe('Links and attributes', () => {
  ruleTest('I4 reports attributes and links that change together', () => {
    const { fd, at } = file(1);
    const expectNotes = watched(fd);
    chmodSync(at, 0o400);
    linkSync(at, path('second'));
    expectNotes(NOTE_ATTRIB | NOTE_LINK);
    chmodSync(at, 0o600);
    unlinkSync(path('second'));
    expectNotes(NOTE_ATTRIB | REMOVED);
    linkSync(at, path('third'));
    expectNotes(NOTE_LINK);
  });

  asRoot('I4 reports a new owner or group together with a new name', () => {
    const { fd, at } = file(1);
    const expectNotes = watched(fd);
    const { uid, gid } = statSync(at);
    chownSync(at, uid + 1, gid);
    linkSync(at, path('second'));
    expectNotes(NOTE_ATTRIB | NOTE_LINK);
    chownSync(at, uid + 1, gid + 1);
    linkSync(at, path('third'));
    expectNotes(NOTE_ATTRIB | NOTE_LINK);
  });

  ruleTest('I4 a file that has its name again was not replaced', () => {
    const { fd, at } = file(1);
    const second = path('second');
    const expectNotes = watched(fd);
    linkSync(at, second);
    expectNotes(NOTE_LINK);
    unlinkSync(at);
    expectNotes(REMOVED);
    linkSync(second, at);
    expectNotes(NOTE_LINK);
    unlinkSync(second);
    expectNotes(REMOVED);
  });

  ruleTest.each([
    ['attributes', (at: string) => chmodSync(at, 0o600)],
    ['links', (at: string) => linkSync(at, path('second'))],
    ['the name', (at: string) => renameSync(at, path('renamed'))],
  ])('I4 reports NOTE_EXTEND after other changes: %s', (_, change) => {
    const { at } = file(1);
    const fd = open(at, 'r+');
    const expectNotes = watched(fd, NOTE_EXTEND);
    change(at);
    writeSync(fd, 'more', 1);
    expectNotes(NOTE_EXTEND);
  });

  ruleTest(
    'I4 changed attributes of a directory do not report NOTE_LINK',
    () => {
      const { at, fd } = folder('folder');
      const expectNotes = watched(fd);
      mkdirSync(`${at}/below`);
      expectNotes(NOTE_WRITE | NOTE_LINK);
      chmodSync(at, 0o700);
      expectNotes(NOTE_ATTRIB);
      rmdirSync(`${at}/below`);
      expectNotes(NOTE_WRITE | NOTE_LINK);
      chmodSync(at, 0o755);
      expectNotes(NOTE_ATTRIB);
    },
  );

  ruleTest(
    'I4 renaming a directory reports NOTE_LINK only if it replaces another',
    () => {
      const { at, fd } = folder('folder');
      for (const name of ['a', 'b']) mkdirSync(`${at}/${name}`);
      const expectNotes = watched(fd);
      renameSync(`${at}/a`, `${at}/c`);
      expectNotes(NOTE_WRITE);
      renameSync(`${at}/c`, `${at}/b`);
      expectNotes(NOTE_WRITE | NOTE_LINK);
    },
  );

  ruleTest('I4 moving a subdirectory reports NOTE_LINK of both parents', () => {
    const [one, two] = [folder('one'), folder('two')];
    mkdirSync(`${one.at}/sub`);
    const q = kqueue();
    chg(q, vnode(one.fd), vnode(two.fd));
    renameSync(`${one.at}/sub`, `${two.at}/sub`);
    const note = NOTE_WRITE | NOTE_LINK;
    expectEvents(byIdent(poll(q)), vnode(one.fd, note), vnode(two.fd, note));
  });

  ruleTest('I4 so does moving one out and another in', () => {
    const { at, fd } = folder('folder');
    const elsewhere = folder('elsewhere').at;
    mkdirSync(`${at}/out`);
    mkdirSync(`${elsewhere}/in`);
    const expectNotes = watched(fd);
    renameSync(`${at}/out`, `${elsewhere}/out`);
    renameSync(`${elsewhere}/in`, `${at}/in`);
    expectNotes(NOTE_WRITE | NOTE_LINK);
  });

  ruleTest('I4 an emptied directory reports its removal, once', () => {
    const { at, fd } = folder('folder');
    writeFileSync(`${at}/entry`, '');
    const expectNotes = watched(fd);
    unlinkSync(`${at}/entry`);
    rmdirSync(at);
    expectNotes(NOTE_WRITE | REMOVED);
    expectNotes();
  });

  ruleTest('I4 so does a directory whose attributes change before', () => {
    const { at, fd } = folder('folder');
    const expectNotes = watched(fd);
    chmodSync(at, 0o700);
    rmdirSync(at);
    expectNotes(NOTE_ATTRIB | REMOVED);
    expectNotes();
  });

  ruleTest('T1 reports a removed directory in the order of the changes', () => {
    const { fd, at } = file(0);
    const append = () => writeFileSync(at, 'x', { flag: 'a' });
    const [one, two] = [folder('one'), folder('two')];
    const q = kqueue();
    chg(q, vnode(fd, NOTE_WRITE), vnode(one.fd), vnode(two.fd));
    rmdirSync(one.at);
    append();
    expectEvents(poll(q), vnode(one.fd, REMOVED), vnode(fd, NOTE_WRITE));
    append();
    rmdirSync(two.at);
    expectEvents(poll(q), vnode(fd, NOTE_WRITE), vnode(two.fd, REMOVED));
  });

  ruleTest('I4 a replaced directory reports NOTE_DELETE only', () => {
    const { at, fd } = folder('folder');
    mkdirSync(`${at}/old`);
    mkdirSync(`${at}/new`);
    const old = open(`${at}/old`, 'r');
    const q = kqueue();
    chg(q, vnode(fd), vnode(old));
    renameSync(`${at}/new`, `${at}/old`);
    expectEvents(
      byIdent(poll(q)),
      vnode(fd, NOTE_WRITE | NOTE_LINK),
      vnode(old, NOTE_DELETE),
    );
  });
});

describe('Several descriptors', () => {
  ruleTest.each([
    ['a dup', (fd: number) => dup(fd)],
    ['one opened for itself', (_: number, at: string) => open(at, 'r')],
  ])(
    'D19 every descriptor reports the removal of a directory: %s',
    (_, other) => {
      const { at, fd } = folder('folder');
      const second = other(fd, at);
      const q = kqueue();
      chg(q, vnode(fd), vnode(second));
      rmdirSync(at);
      expectEvents(poll(q), vnode(second, REMOVED), vnode(fd, REMOVED));
    },
  );

  ruleTest(
    'D18 closing one descriptor does not affect the events of another',
    () => {
      const { fd, at } = file(1);
      const second = open(at, 'r+');
      const q = kqueue();
      chg(q, vnode(fd), vnode(second));
      closeElsewhere(fd);
      // Its number is another file's.
      expect(file(0, 'empty').fd).toBe(fd);
      const expectNotes = (note: number) =>
        expectEvents(poll(q), vnode(second, note));
      writeSync(second, 'more');
      expectNotes(NOTE_WRITE | NOTE_EXTEND);
      linkSync(at, path('second'));
      expectNotes(NOTE_LINK);
      unlinkSync(at);
      expectNotes(REMOVED);
    },
  );

  ruleTest('D18 a file at the number of one is not the directory', () => {
    const { fd, at } = folder('folder');
    const second = open(at, 'r');
    const q = kqueue();
    chg(q, vnode(fd), vnode(second));
    closeElsewhere(fd);
    // It has no name, as a directory that was removed.
    const other = path('other');
    expect(open(other, 'w')).toBe(fd);
    unlinkSync(other);
    expectEvents(poll(q));
    rmdirSync(at);
    expectEvents(poll(q), vnode(second, REMOVED));
  });

  ruleTest('I4 does not report changes made before the registration', () => {
    const { fd, at } = file(4);
    const q = kqueue();
    // This registration keeps following the file.
    chg(q, { ident: fd, filter: EVFILT_READ, flags: EDGE });
    chg(q, vnode(fd));
    chg(q, { ident: fd, filter: EVFILT_VNODE, flags: EV_DELETE });
    writeFileSync(at, 'more', { flag: 'a' });
    linkSync(at, path('second'));
    poll(q);
    chg(q, vnode(fd));
    const again = adopt(openSync(at, 'r+'));
    writeSync(again, 'x', 0);
    const vnodeEvents = () =>
      poll(q).filter(({ filter }) => filter === EVFILT_VNODE);
    expectEvents(vnodeEvents(), vnode(fd, NOTE_WRITE));
    chmodSync(at, 0o400);
    expectEvents(vnodeEvents(), vnode(fd, NOTE_ATTRIB));
  });
});
