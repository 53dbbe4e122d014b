// EVFILT_FS: mounts, in a mount namespace of the test's own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { root } from '../support/built-package.js';

/** Whether mounts can be made here in a private namespace. */
function canMount(): boolean {
  try {
    const script = 'mount -t tmpfs none /mnt && umount /mnt';
    execFileSync('unshare', ['-m', 'sh', '-c', script], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const VQ_MOUNT = 0x8;
const VQ_UNMOUNT = 0x10;
const VQ_UPDATE = 0x100;

const withMounts = gate(canMount(), 'mounts cannot be made here');

/** Run a program in a new mount namespace and return its output. */
const printedInNamespace = (name: string): unknown =>
  linesInNamespace(name).at(-1);

function linesInNamespace(name: string): unknown[] {
  const folder = mkdtempSync(join(tmpdir(), 'kqueue-'));
  try {
    const program = join(root, '__tests__/fixtures/linux/mounts.cjs');
    const args = ['-m', process.execPath, program, name, folder];
    const options = { encoding: 'utf8', timeout: 20_000 } as const;
    const output = execFileSync('unshare', args, options);
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  } finally {
    rmdirSync(folder);
  }
}

withMounts('N1 reports mounts, changed options and unmounts once', () => {
  const EV_ADD_CLEAR = 0x21;
  const notes = (fflags: number) => [[fflags, EV_ADD_CLEAR, 0]];
  expect(printedInNamespace('mounts')).toEqual([
    [1, notes(VQ_MOUNT), [], []],
    [1, notes(VQ_UPDATE), [], []],
    [1, notes(VQ_UNMOUNT), notes(VQ_UNMOUNT), []],
  ]);
});

withMounts('N1 a mount that gets the id of another is not that one', () => {
  const EV_ADD_CLEAR = 0x21;
  expect(printedInNamespace('replaced')).toEqual([
    [[VQ_MOUNT | VQ_UNMOUNT, EV_ADD_CLEAR, 0]],
    [[VQ_MOUNT | VQ_UNMOUNT, EV_ADD_CLEAR, 0]],
  ]);
});

withMounts('N1 a registration can be changed, deleted and added again', () => {
  expect(printedInNamespace('changed')).toEqual([
    [[], [VQ_UNMOUNT]],
    [[], []],
    [[VQ_MOUNT], [VQ_UNMOUNT]],
  ]);
});

withMounts('N1 one mount among many is one event', () => {
  expect(linesInNamespace('many')).toEqual([[VQ_UNMOUNT], [VQ_MOUNT]]);
});

withMounts('a mount wakes an event loop that watches the queue later', () => {
  expect(linesInNamespace('late')).toEqual([1, [VQ_MOUNT]]);
});

withMounts('watchFile reports a mount and an unmount over its path', () => {
  expect(printedInNamespace('watched')).toEqual(['deleted', 'created']);
});
