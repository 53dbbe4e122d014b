// A helper fails clearly if other code closes its queue or if no descriptor is
// left: no wait hangs, and nothing stays open. It opens its files again if other
// code closes them.
import {
  closeSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchDirectory, watchFile } from '../../src/index.js';
import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';
import { openFiles } from '../support/open-files.js';

const HELPERS = [
  'interval',
  'signals',
  'readable',
  'watchFile',
  'watchDirectory',
  'exited',
];

onLinux('a helper whose queue other code closes fails with EBADF', async () => {
  const outcomes = await printedBy('helpers/lost', 'closedBehind');
  expect(outcomes).toEqual(HELPERS.map((name) => [name, 'EBADF']));
});

onLinux('it fails as well if the time of the wait runs out first', async () => {
  const outcomes = await printedBy('helpers/lost', 'closedInTime');
  expect(outcomes).toEqual(HELPERS.map((name) => [name, 'EBADF']));
});

onLinux('it fails as well if it was not waited for', async () => {
  const outcomes = await printedBy('helpers/lost', 'closedIdle');
  expect(outcomes).toEqual(['EBADF', 'EBADF', 'EBADF']);
});

onLinux('a helper that is called after that has a new queue', async () => {
  const outcomes = await printedBy('helpers/lost', 'calledAfter');
  expect(outcomes).toEqual([
    ['readable', 'EBADF', 'none'],
    ['watchFile', 'EBADF', 'none'],
    ['watchDirectory', 'EBADF', 'none'],
    ['exited', 'EBADF', 'ETIMEDOUT'],
  ]);
});

onLinux('a helper without a free descriptor fails with EMFILE', async () => {
  const outcomes = await printedBy('helpers/lost', 'noneLeft', {
    first: 'ulimit -n 100',
  });
  expect(outcomes).toEqual(HELPERS.map((name) => [name, 'EMFILE', 0]));
});

/** The descriptors of this process that are open on a file. */
const descriptorsOf = (path: string): readonly number[] =>
  openFiles().flatMap(([fd, file]) => (file === path ? [fd] : []));

/** Close the descriptors of a file, and open another file at their numbers. */
function replaceDescriptors(path: string): readonly number[] {
  const lost = descriptorsOf(path);
  for (const fd of lost) closeSync(fd);
  const taken = lost.map(() => openSync('/dev/null', 'r'));
  expect(new Set(taken)).toEqual(new Set(lost));
  return taken;
}

describe('a helper whose files other code closes', () => {
  let folder: string;
  let file: string;
  let taken: readonly number[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kqueue-'));
    file = join(folder, 'file');
    writeFileSync(file, '1');
  });

  /** It has closed no descriptor of other code. */
  afterEach(() => {
    for (const fd of taken) closeSync(fd);
    rmSync(folder, { recursive: true });
  });

  onLinux('watchFile reports changes of its file only', async () => {
    using changes = watchFile(file);
    taken = replaceDescriptors(file);
    expect(await changes.next({ timeout: 10 })).toEqual({ done: false });
    writeFileSync(file, '22');
    expect((await changes.next({ timeout: 5000 })).value).toEqual({
      type: 'changed',
      path: file,
      size: 2,
    });
  });

  onLinux('a pending wait of watchFile continues', async () => {
    using changes = watchFile(join(folder, 'missing'));
    const waiting = changes.next({ timeout: 10_000 });
    await new Promise(setImmediate);
    taken = replaceDescriptors(folder);
    writeFileSync(join(folder, 'missing'), '');
    expect((await waiting).value?.type).toBe('created');
  });

  onLinux('watchDirectory reports writes to its files', async () => {
    using changes = watchDirectory(folder, { files: true });
    const waiting = changes.next({ timeout: 10_000 });
    await new Promise(setImmediate);
    taken = replaceDescriptors(file);
    writeFileSync(file, '22');
    expect((await waiting).value).toMatchObject({ type: 'changed' });
  });

  onLinux('closing an iterator closes no file of other code', () => {
    const changes = [watchFile(file), watchDirectory(folder, { files: true })];
    taken = replaceDescriptors(file);
    for (const each of changes) each.close();
    for (const fd of taken)
      expect(readlinkSync(`/proc/self/fd/${fd}`)).toBe('/dev/null');
  });
});
