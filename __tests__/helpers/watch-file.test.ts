import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import {
  type EventIterator,
  type FileEvent,
  watchFile,
} from '../../src/index.js';
import { gate } from '../conformance/cases.js';
import { printedBy, runProgram } from '../support/child.js';
import { onLinux, openCount } from '../support/fds.js';
import { canTakeUser } from '../support/ids.js';

let folder: string;
let path: string;
const open: EventIterator<FileEvent>[] = [];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'kqueue-ffi-')));
  path = join(folder, 'file');
});

afterEach(() => {
  for (const events of open.splice(0)) events.close();
  rmSync(folder, { recursive: true, force: true });
});

function watch(
  ...args: Parameters<typeof watchFile>
): EventIterator<FileEvent> {
  const events = watchFile(...args);
  open.push(events);
  return events;
}

const typeOf = async (events: EventIterator<FileEvent>): Promise<unknown> =>
  (await events.next()).value?.type;

/** Whether it has no event after a turn of the event loop. */
async function isQuiet(events: EventIterator<FileEvent>): Promise<boolean> {
  const next = events.next().then(() => 'event');
  for (let i = 0; i < 5; i++) await turn();
  const first = await Promise.race([next, 'quiet']);
  return first === 'quiet';
}

/** Put other contents in the place of a file, as editors do. */
function replace(contents: string, at = path): void {
  writeFileSync(`${at}.new`, contents);
  renameSync(`${at}.new`, at);
}

describe('watchFile', () => {
  test.each<[string, (path: string) => void, string]>([
    ['written to', (path) => appendFileSync(path, '!'), 'changed'],
    ['overwritten', (path) => writeFileSync(path, 'ONE'), 'changed'],
    ['cut', (path) => truncateSync(path, 1), 'changed'],
    ['touched', (path) => utimesSync(path, 1, 1), 'changed'],
    ['given another mode', (path) => chmodSync(path, 0o400), 'attributes'],
    [
      'given another name',
      (path) => linkSync(path, `${path}.link`),
      'attributes',
    ],
    ['replaced', (path) => replace('new', path), 'replaced'],
    ['unlinked', (path) => unlinkSync(path), 'deleted'],
    ['renamed', (path) => renameSync(path, `${path}.1`), 'deleted'],
  ])('reports that a file was %s', async (_, act, type) => {
    writeFileSync(path, 'one');
    const events = watch(path);
    act(path);
    expect((await events.next()).value).toMatchObject({ type, path });
    const waiting = typeOf(events);
    await turn();
    if (type === 'deleted') writeFileSync(path, '');
    else unlinkSync(path);
    expect(await waiting).toBe(type === 'deleted' ? 'created' : 'deleted');
  });

  test('does not report earlier changes', async () => {
    writeFileSync(path, 'one');
    expect(await isQuiet(watch(path))).toBe(true);
  });

  test('reports a change that preserves size and times', async () => {
    writeFileSync(path, 'one');
    utimesSync(path, 1, 1);
    const events = watch(path);
    const fd = openSync(path, 'r+');
    writeSync(fd, 'two');
    utimesSync(path, 1, 1);
    closeSync(fd);
    expect(await typeOf(events)).toBe('changed');
  });

  test('reports each change once', async () => {
    writeFileSync(path, 'one');
    const events = watch(path);
    appendFileSync(path, 'two');
    expect(await typeOf(events)).toBe('changed');
    expect(await isQuiet(events)).toBe(true);
  });

  test('reports the current size', async () => {
    writeFileSync(path, 'one');
    const events = watch(path);
    appendFileSync(path, 'two');
    expect((await events.next()).value).toEqual({
      type: 'changed',
      path,
      size: 6,
    });
  });

  test('reports the last state to a slow consumer', async () => {
    const events = watch(path);
    writeFileSync(path, 'one');
    expect(await typeOf(events)).toBe('created');
    for (let i = 0; i < 1000; i++) appendFileSync(path, '.');
    replace('two');
    rmSync(path);
    writeFileSync(path, 'three');
    expect((await events.next()).value).toEqual({
      type: 'replaced',
      path,
      size: 5,
    });
    expect(await isQuiet(events)).toBe(true);
  });
});

describe('watchFile continues', () => {
  test('through 200 atomic replacements', async () => {
    writeFileSync(path, '0');
    const events = watch(path);
    const writing = (async () => {
      for (let i = 1; i <= 200; i++) {
        replace(String(i));
        if (i % 3 === 0) await turn();
      }
    })();
    let seen = 0;
    let last = '';
    for await (const { type } of events) {
      expect(type).toBe('replaced');
      seen++;
      last = readFileSync(path, 'utf8');
      if (last === '200' || seen > 200) break;
    }
    await writing;
    expect(last).toBe('200');
    expect(seen).toBeGreaterThan(1);
  });

  test('while another process replaces it as fast as it can', async () => {
    writeFileSync(path, '0');
    const events = watch(path);
    const args = [path, '2000'];
    const replacing = runProgram('helpers/watch-file', 'replaceOften', {
      args,
    });
    let last = '';
    for await (const _ of events) {
      last = readFileSync(path, 'utf8');
      if (last === '2000') break;
    }
    expect(last).toBe('2000');
    expect(await replacing).toMatchObject({ stderr: '', status: 0 });
  });

  test('when a log is rotated', async () => {
    writeFileSync(path, 'old\n');
    const events = watch(path);
    for (let i = 0; i < 5; i++) {
      renameSync(path, `${path}.${i}`);
      expect(await typeOf(events)).toBe('deleted');
      writeFileSync(path, '');
      expect(await typeOf(events)).toBe('created');
      appendFileSync(path, `line ${i}\n`);
      expect(await typeOf(events)).toBe('changed');
      renameSync(path, `${path}.${i}`);
      writeFileSync(path, 'x');
      expect(await typeOf(events)).toBe('replaced');
    }
  });

  test('when the file and all its directories are removed and created again', async () => {
    path = join(folder, 'a/b/c/file');
    const events = watch(path);
    for (let i = 0; i < 5; i++) {
      const created = typeOf(events);
      await turn();
      mkdirSync(join(folder, 'a'));
      await turn();
      mkdirSync(join(folder, 'a/b/c'), { recursive: true });
      await turn();
      writeFileSync(path, 'here');
      expect(await created).toBe('created');
      const deleted = typeOf(events);
      await turn();
      rmSync(join(folder, 'a'), { recursive: true });
      expect(await deleted).toBe('deleted');
    }
  });

  test('when a directory above is swapped together with the file', async () => {
    const a = join(folder, 'a');
    mkdirSync(a);
    path = join(a, 'file');
    writeFileSync(path, 'old');
    const events = watch(path);
    rmSync(a, { recursive: true });
    mkdirSync(`${a}.new`);
    writeFileSync(`${a}.new/file`, 'new');
    renameSync(`${a}.new`, a);
    expect(await typeOf(events)).toBe('replaced');
    appendFileSync(path, '!');
    expect(await typeOf(events)).toBe('changed');
  });

  test('when a file in place of a directory is removed', async () => {
    writeFileSync(join(folder, 'a'), 'no directory');
    path = join(folder, 'a/file');
    const events = watch(path);
    const created = typeOf(events);
    await turn();
    unlinkSync(join(folder, 'a'));
    mkdirSync(join(folder, 'a'));
    writeFileSync(path, '');
    expect(await created).toBe('created');
  });

  test('when a symbolic link changes its target', async () => {
    for (const name of ['one', 'two']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'file'), name);
    }
    // As in a volume of Kubernetes: a link through a link that is swapped.
    symlinkSync('one', join(folder, 'current'));
    symlinkSync('current/file', path);
    const events = watch(path);
    symlinkSync('two', join(folder, 'next'));
    renameSync(join(folder, 'next'), join(folder, 'current'));
    expect(await typeOf(events)).toBe('replaced');
    expect(readFileSync(path, 'utf8')).toBe('two');
    appendFileSync(join(folder, 'two/file'), '!');
    expect(await typeOf(events)).toBe('changed');
  });

  test('when a linked directory of the path is switched', async () => {
    for (const name of ['one', 'two', 'empty']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'one/file'), 'one');
    writeFileSync(join(folder, 'two/file'), 'two');
    const point = (at: string, target: string): void => {
      symlinkSync(target, join(folder, 'next'));
      renameSync(join(folder, 'next'), join(folder, at));
    };
    // As releases are deployed: by a link, here one that leads through another.
    mkdirSync(join(folder, 'app'));
    point('app/live', '../current/.');
    point('current', join(folder, 'one'));
    path = join(folder, 'app/live/file');
    const events = watch(path);
    point('current', 'two');
    expect(await typeOf(events)).toBe('replaced');
    expect(readFileSync(path, 'utf8')).toBe('two');
    point('current', 'empty');
    expect(await typeOf(events)).toBe('deleted');
    const created = typeOf(events);
    await turn();
    point('app/live', '../one');
    expect(await created).toBe('created');
    appendFileSync(join(folder, 'one/file'), '!');
    expect(await typeOf(events)).toBe('changed');
  });

  gate(
    canTakeUser || process.geteuid?.() !== 0,
    'root cannot take another user here',
  )('although a link of the path lies in an unreadable directory', async () => {
    const home = join(folder, 'home');
    for (const name of ['home', 'real']) mkdirSync(join(folder, name));
    const file = join(folder, 'real/file');
    writeFileSync(file, 'one');
    symlinkSync('../real', join(home, 'link'));
    // It may be passed through, but not be read.
    chmodSync(home, 0o311);
    chmodSync(folder, 0o755);
    const NOBODY = 65_534;
    if (canTakeUser) process.seteuid?.(NOBODY);
    let events: EventIterator<FileEvent>;
    try {
      events = watch(join(home, 'link/file'));
    } finally {
      if (canTakeUser) process.seteuid?.(0);
      chmodSync(home, 0o755);
    }
    appendFileSync(file, 'two');
    expect(await typeOf(events)).toBe('changed');
    // But where a file may come to be must be watched.
    unlinkSync(join(home, 'link'));
    appendFileSync(file, 'three');
    expect(await typeOf(events)).toBe('deleted');
    const created = typeOf(events);
    await turn();
    symlinkSync('../real', join(home, 'link'));
    expect(await created).toBe('created');
  });

  test('at the end of the longest chain of links', async () => {
    // MAXSYMLINKS of each system.
    const MOST = process.platform === 'linux' ? 40 : 32;
    mkdirSync(join(folder, 'end'));
    for (let i = 1; i < MOST; i++) {
      symlinkSync(`link${i + 1}`, join(folder, `link${i}`));
    }
    symlinkSync('end/file', join(folder, `link${MOST}`));
    const events = watch(join(folder, 'link1'));
    const created = typeOf(events);
    await turn();
    writeFileSync(join(folder, 'end/file'), '');
    expect(await created).toBe('created');
  });

  test('when the target of a symbolic link appears and disappears', async () => {
    symlinkSync('nowhere/file', path);
    const events = watch(path);
    const created = typeOf(events);
    await turn();
    mkdirSync(join(folder, 'nowhere'));
    await turn();
    writeFileSync(join(folder, 'nowhere/file'), '');
    expect(await created).toBe('created');
    rmSync(join(folder, 'nowhere'), { recursive: true });
    expect(await typeOf(events)).toBe('deleted');
  });
});

describe('watchFile reports changes by programs:', () => {
  const link = (to: number): void =>
    symlinkSync(`../../archive/x/cert${to}.pem`, path);

  test.each<[string, () => void, () => void, string]>([
    [
      'logrotate, copytruncate',
      () => writeFileSync(path, 'old\n'),
      () => {
        copyFileSync(path, `${path}.1`);
        truncateSync(path, 0);
      },
      'changed',
    ],
    [
      'logrotate, create',
      () => writeFileSync(path, 'old\n'),
      () => {
        renameSync(path, `${path}.1`);
        closeSync(openSync(path, 'wx', 0o640));
        chmodSync(path, 0o644);
      },
      'replaced',
    ],
    [
      'vim, which keeps a backup',
      () => writeFileSync(path, 'old\n'),
      () => {
        renameSync(path, `${path}~`);
        writeFileSync(path, 'new\n');
        unlinkSync(`${path}~`);
      },
      'replaced',
    ],
    [
      'sed -i',
      () => writeFileSync(path, 'old\n'),
      () => execFileSync('sed', ['-i.bak', 's/old/new/', path]),
      'replaced',
    ],
    [
      'certbot',
      () => {
        mkdirSync(join(folder, 'archive/x'), { recursive: true });
        mkdirSync(join(folder, 'live/x'), { recursive: true });
        for (const i of [1, 2]) {
          writeFileSync(join(folder, `archive/x/cert${i}.pem`), `${i}`);
        }
        path = join(folder, 'live/x/cert.pem');
        link(1);
      },
      () => {
        unlinkSync(path);
        link(2);
      },
      'replaced',
    ],
  ])('%s', async (_, prepare, act, type) => {
    prepare();
    const events = watch(path);
    act();
    expect(await typeOf(events)).toBe(type);
    // It continues with the current file.
    appendFileSync(path, 'more\n');
    expect((await events.next()).value).toMatchObject({
      type: 'changed',
      size: statSync(path).size,
    });
  });
});

describe('watchFile accepts', () => {
  test('a URL and a relative path', async () => {
    writeFileSync(path, '');
    const byUrl = watch(pathToFileURL(path));
    const given = relative(process.cwd(), path);
    const byRelative = watch(given);
    appendFileSync(path, '!');
    expect((await byUrl.next()).value?.path).toBe(path);
    expect((await byRelative.next()).value?.path).toBe(given);
  });

  test('a parent directory of a linked directory, as node:fs does', async () => {
    mkdirSync(join(folder, 'other/deep'), { recursive: true });
    symlinkSync('other/deep', join(folder, 'link'));
    writeFileSync(join(folder, 'other/file'), '');
    const events = watch(`${folder}/link/../file`);
    writeFileSync(path, 'not this one');
    expect((await events.next({ timeout: 0 })).value).toBeUndefined();
    appendFileSync(join(folder, 'other/file'), '!');
    expect((await events.next()).value).toMatchObject({ size: 1 });
    // The same entry, once the link leads elsewhere.
    unlinkSync(join(folder, 'link'));
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    symlinkSync('a/b', join(folder, 'link'));
    expect(await typeOf(events)).toBe('deleted');
    writeFileSync(join(folder, 'a/file'), '');
    expect(await typeOf(events)).toBe('created');
  });

  test('a trailing slash for a directory only, as node:fs does', async () => {
    writeFileSync(path, '');
    for (const end of ['/', '/.', '//']) {
      expect(() => watchFile(`${path}${end}`)).toThrow(
        expect.objectContaining({ code: 'ENOTDIR' }),
      );
    }
    const events = watch(`${folder}/`);
    const missing = watch(`${path}.d/`);
    mkdirSync(`${path}.d`);
    expect(await typeOf(events)).toBe('changed');
    expect(await typeOf(missing)).toBe('created');
  });

  test('a directory, and reports its entries', async () => {
    const events = watch(folder);
    writeFileSync(path, '');
    expect(await typeOf(events)).toBe('changed');
    rmSync(folder, { recursive: true });
    expect(await typeOf(events)).toBe('deleted');
  });

  test('a FIFO without a writer, and does not block in open(2)', async () => {
    execFileSync('mkfifo', [path]);
    const events = watch(path);
    rmSync(path);
    expect(await typeOf(events)).toBe('deleted');
  });

  test('the same file twice', async () => {
    writeFileSync(path, '');
    const [one, two] = [watch(path), watch(path)];
    replace('1');
    expect([await typeOf(one), await typeOf(two)]).toEqual([
      'replaced',
      'replaced',
    ]);
    one.close();
    appendFileSync(path, '2');
    expect(await typeOf(two)).toBe('changed');
  });

  test.each<unknown>([
    '',
    'a\0b',
    0,
    undefined,
    null,
    {},
    new URL('http://localhost/'),
  ])('no argument that is not a path (%#)', (given) => {
    expect(() => watchFile(given as string)).toThrow(TypeError);
  });

  test('no circular link', () => {
    symlinkSync('file', path);
    expect(() => watchFile(path)).toThrow(
      expect.objectContaining({ code: 'ELOOP' }),
    );
    expect(() => watchFile(join(folder, 'x'.repeat(300)))).toThrow(
      expect.objectContaining({ code: 'ENAMETOOLONG' }),
    );
  });

  test('a file that is unreadable for a while', async () => {
    // In a child process, as root may read everything.
    const lines = await printedBy('helpers/watch-file', 'unreadable');
    rmdirSync(String(lines.pop()));
    expect(lines).toEqual([
      // From the call it is an error.
      ['EACCES', true],
      [false, 'created', null],
      [true, 'deleted', 'created'],
      // Its descriptor is still open.
      [true, 'attributes', 'attributes'],
      [true, 'deleted', 'created'],
      'deleted',
      [false, 'created', null],
    ]);
  });

  test('a socket that appears, is replaced and removed', async () => {
    const events = watch(path);
    const listen = async (): Promise<Server> => {
      const server = createServer().listen(path);
      await once(server, 'listening');
      return server;
    };
    const server = await listen();
    expect(await typeOf(events)).toBe('created');
    const again = watch(path);
    replace('a file');
    expect(await typeOf(events)).toBe('replaced');
    expect(await typeOf(again)).toBe('replaced');
    rmSync(path);
    expect(await typeOf(events)).toBe('deleted');
    const other = await listen();
    expect(await typeOf(events)).toBe('created');
    chmodSync(path, 0o600);
    expect(await typeOf(events)).toBe('attributes');
    rmSync(path);
    expect(await typeOf(events)).toBe('deleted');
    for (const each of [server, other]) each.close();
  });

  test('a FIFO that appears', async () => {
    const events = watch(path);
    execFileSync('mkfifo', [path]);
    expect(await typeOf(events)).toBe('created');
    rmSync(path);
    expect(await typeOf(events)).toBe('deleted');
  });
});

onLinux('watchFile opens one descriptor per path', async () => {
  const before = openCount();
  const queue = watch(join(folder, 'absent'));
  const first = openCount();
  const many = Array.from({ length: 200 }, (_, i) => {
    const file = join(folder, String(i));
    if (i % 2 === 0) writeFileSync(file, '');
    return watch(file);
  });
  expect(openCount() - first).toBe(200);
  for (let i = 0; i < 200; i++) writeFileSync(join(folder, String(i)), 'x');
  const types = await Promise.all(many.map(typeOf));
  expect(types).toEqual(many.map((_, i) => (i % 2 ? 'created' : 'changed')));
  for (const events of many) events.close();
  expect(openCount()).toBe(first);
  queue.close();
  expect(openCount()).toBe(before);
});
