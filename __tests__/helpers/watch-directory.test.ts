import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type DirectoryEvent,
  type EventIterator,
  watchDirectory,
} from '../../src/index.js';
import { openCount } from '../support/fds.js';

let folder: string;
let before: number;
const open: EventIterator<DirectoryEvent>[] = [];

beforeEach(() => {
  before = openCount();
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'kqueue-ffi-')));
});

afterEach(() => {
  for (const events of open.splice(0)) events.close();
  rmSync(folder, { recursive: true, force: true });
  expect(openCount()).toBe(before);
});

const at = (name: string): string => join(folder, name);
const write = (name: string, text = ''): void => writeFileSync(at(name), text);

function watch(
  ...args: Parameters<typeof watchDirectory>
): EventIterator<DirectoryEvent> {
  const events = watchDirectory(...args);
  open.push(events);
  return events;
}

/** The pending events, as `type name kind`. */
async function eventsOf(
  events: EventIterator<DirectoryEvent>,
): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const { value } = await events.next({ timeout: 30 });
    if (value === undefined) return all;
    all.push(`${value.type} ${value.name} ${value.kind}`);
  }
}

test('reports entries that are added, removed and replaced, with their kind', async () => {
  write('old');
  const events = watch(folder);
  expect(await eventsOf(events)).toEqual([]);
  write('new');
  mkdirSync(at('folder'));
  symlinkSync('new', at('link'));
  execFileSync('mkfifo', [at('fifo')]);
  expect((await eventsOf(events)).sort()).toEqual([
    'added fifo other',
    'added folder directory',
    'added link symlink',
    'added new file',
  ]);
  unlinkSync(at('old'));
  renameSync(at('new'), at('newer'));
  expect(await eventsOf(events)).toEqual([
    'removed new file',
    'removed old file',
    'added newer file',
  ]);
  write('newer~', 'other');
  renameSync(at('newer~'), at('newer'));
  rmSync(at('folder'), { recursive: true });
  write('folder');
  expect((await eventsOf(events)).sort()).toEqual([
    'added folder file',
    'changed newer file',
    'removed folder directory',
  ]);
});

test('without files, does not report writes to files and folders', async () => {
  write('file');
  mkdirSync(at('folder'));
  const events = watch(folder);
  appendFileSync(at('file'), 'more');
  write('folder/inner');
  expect(await eventsOf(events)).toEqual([]);
});

test('with files, reports each write', async () => {
  write('one');
  write('two');
  const events = watch(folder, { files: true });
  appendFileSync(at('one'), 'more');
  appendFileSync(at('one'), 'more');
  expect(await eventsOf(events)).toEqual(['changed one file']);
  write('three');
  expect(await eventsOf(events)).toEqual(['added three file']);
  appendFileSync(at('three'), 'more');
  utimesSync(at('two'), 1, 1);
  expect((await eventsOf(events)).sort()).toEqual([
    'changed three file',
    'changed two file',
  ]);
  write('three~', 'new');
  renameSync(at('three~'), at('three'));
  expect(await eventsOf(events)).toEqual(['changed three file']);
  appendFileSync(at('three'), 'the new one is watched');
  expect(await eventsOf(events)).toEqual(['changed three file']);
  chmodSync(at('one'), 0o600);
  expect(await eventsOf(events)).toEqual([]);
});

test('survives the removal of the directory and its return', async () => {
  const path = at('a/b/inbox');
  mkdirSync(path, { recursive: true });
  write('a/b/inbox/one');
  const events = watch(path, { files: true });
  rmSync(at('a'), { recursive: true });
  expect(await eventsOf(events)).toEqual(['removed one file']);
  mkdirSync(path, { recursive: true });
  write('a/b/inbox/two');
  expect(await eventsOf(events)).toEqual(['added two file']);
  renameSync(path, at('gone'));
  write('a/b/inbox~');
  renameSync(at('a/b/inbox~'), path);
  expect(await eventsOf(events)).toEqual(['removed two file']);
});

test('waits for a directory that is not there yet', async () => {
  const events = watch(at('later'));
  expect(await eventsOf(events)).toEqual([]);
  mkdirSync(at('later'));
  write('later/file');
  expect(await eventsOf(events)).toEqual(['added file file']);
});

test('rejects a path that is not a directory, and invalid arguments', () => {
  write('file');
  expect(() => watchDirectory(at('file'))).toThrow(
    expect.objectContaining({ code: 'ENOTDIR' }),
  );
  for (const path of ['', 'a\0b', 5, null, undefined, new URL('http://a')]) {
    expect(() => watchDirectory(path as string)).toThrow(
      /^Cannot watch a directory as 'path' must be/,
    );
  }
  for (const files of [0, -1, 1.5, Number.NaN, 'yes', null]) {
    expect(() => watchDirectory(folder, { files: files as number })).toThrow(
      /^Cannot watch a directory as 'files' must be/,
    );
  }
  expect(() => watchDirectory(folder, null as never)).toThrow(/'options'/);
});

test('fails with EMFILE if there are more files than it may open', async () => {
  for (const name of ['1', '2', '3']) write(name);
  const refusal = {
    code: 'EMFILE',
    message: `Cannot watch the files of ${folder} as there are 3, and 'files' allows 2 descriptors: pass a larger number, or watch without 'files'`,
  };
  expect(() => watchDirectory(folder, { files: 2 })).toThrow(
    expect.objectContaining(refusal),
  );
  const events = watch(folder, { files: 3 });
  write('4');
  await expect(events.next()).rejects.toMatchObject({ code: 'EMFILE' });
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

test('accepts a Buffer or a URL, and reports the bytes of a name that is not UTF-8', async () => {
  const odd = Buffer.from([0x6f, 0xff, 0x64]);
  const path = Buffer.concat([Buffer.from(`${folder}/`), odd]);
  const events = watch(pathToFileURL(folder));
  mkdirSync(path);
  const { value } = await events.next();
  expect(value).toMatchObject({
    type: 'added',
    name: 'o\uFFFDd',
    kind: 'directory',
  });
  expect(Buffer.from(value?.nameBytes ?? [])).toEqual(odd);
  const inner = watch(path, { files: true });
  const byUrl = watch(new URL(`${pathToFileURL(folder)}/o%FFd`));
  const file = Buffer.concat([path, Buffer.from('/file')]);
  writeFileSync(file, '');
  expect(await eventsOf(inner)).toEqual(['added file file']);
  appendFileSync(file, 'more');
  expect(await eventsOf(inner)).toEqual(['changed file file']);
  expect(await eventsOf(byUrl)).toEqual(['added file file']);
});

test('reports 10,000 files that come and go', async () => {
  const events = watch(folder);
  const names = Array.from({ length: 10_000 }, (_, i) => `file-${i}`);
  for (const name of names) write(name);
  const added = new Set<string>();
  while (added.size < names.length) {
    const { value } = await events.next({ timeout: 10_000 });
    if (value?.type !== 'added') break;
    added.add(value.name);
  }
  expect(added.size).toBe(names.length);
  for (const name of names) unlinkSync(at(name));
  let removed = 0;
  for (; removed < names.length; removed++) {
    const { value } = await events.next({ timeout: 10_000 });
    if (value?.type !== 'removed') break;
  }
  expect(removed).toBe(names.length);
}, 30_000);

describe('changes by programs', () => {
  test('kubernetes, which swaps ..data', async () => {
    mkdirSync(at('..1'));
    write('..1/config', 'one');
    symlinkSync('..1', at('..data'));
    symlinkSync('..data/config', at('config'));
    const events = watch(folder);
    const through = watch(at('..data'));
    mkdirSync(at('..2'));
    write('..2/config', 'two');
    write('..2/more', 'two');
    symlinkSync('..2', at('..data_tmp'));
    renameSync(at('..data_tmp'), at('..data'));
    rmSync(at('..1'), { recursive: true });
    expect((await eventsOf(events)).sort()).toEqual([
      'added ..2 directory',
      'changed ..data symlink',
      'removed ..1 directory',
    ]);
    expect((await eventsOf(through)).sort()).toEqual([
      'added more file',
      'changed config file',
    ]);
  });

  test("certbot, which switches the links of a certificate's directory", async () => {
    mkdirSync(at('archive/x'), { recursive: true });
    mkdirSync(at('live/x'), { recursive: true });
    const link = at('live/x/cert.pem');
    const events = watch(at('live/x'));
    for (const i of [1, 2, 3, 4]) {
      write(`archive/x/cert${i}.pem`, `${i}`);
      // The new link may have the inode of the old one.
      rmSync(link, { force: true });
      symlinkSync(`../../archive/x/cert${i}.pem`, link);
      expect(await eventsOf(events)).toEqual([
        `${i === 1 ? 'added' : 'changed'} cert.pem symlink`,
      ]);
    }
  });

  test('a build that removes its directory and creates it again', async () => {
    mkdirSync(at('dist'));
    write('file', '');
    const events = watch(folder);
    const paths = [at('dist'), at('link')];
    for (let i = 0; i < 3; i++) {
      for (const path of paths) rmSync(path, { recursive: true, force: true });
      for (const path of paths) mkdirSync(path);
      write('dist/out', 'text');
      await eventsOf(events);
    }
    rmSync(at('dist'), { recursive: true });
    mkdirSync(at('dist'));
    expect(await eventsOf(events)).toEqual(['changed dist directory']);
    write('dist/out', 'text');
    chmodSync(at('dist'), 0o700);
    expect(await eventsOf(events)).toEqual([]);
  });

  test('sed -i, and an editor that keeps a backup', async () => {
    write('settings', 'a=1\n');
    const events = watch(folder, { files: true });
    execFileSync('sed', ['-i', 's/1/2/', at('settings')]);
    expect(await eventsOf(events)).toEqual(['changed settings file']);
    renameSync(at('settings'), at('settings~'));
    write('settings', 'a=3\n');
    unlinkSync(at('settings~'));
    expect(await eventsOf(events)).toEqual(['changed settings file']);
  });

  test('git checkout', async () => {
    const git = (...args: string[]): void => {
      const who = ['-c', 'user.name=x', '-c', 'user.email=x@localhost'];
      execFileSync('git', [...who, ...args], { cwd: folder, stdio: 'ignore' });
    };
    git('init', '-b', 'one');
    write('same', 'same');
    write('differs', 'one');
    write('old', 'old');
    git('add', '.');
    git('commit', '-m', 'one');
    git('checkout', '-b', 'two');
    write('differs', 'two two');
    write('new', 'new');
    git('rm', 'old');
    git('add', '.');
    git('commit', '-m', 'two');
    const events = watch(folder);
    git('checkout', 'one');
    expect((await eventsOf(events)).sort()).toEqual([
      'added old file',
      'changed differs file',
      'removed new file',
    ]);
    expect(existsSync(at('new'))).toBe(false);
  });
});
