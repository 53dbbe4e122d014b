// EVFILT_FS: mounts, in a mount namespace of the test's own.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { root } from '../support/built-package.js';

/** Whether mounts can be made here without anybody else seeing them. */
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

const SCRIPT = `
const { execFileSync } = require('node:child_process');
const api = require(process.argv[1]);
const folder = process.argv[2];
const [all, unmounts] = [api.kqueue(), api.kqueue()];
const parent = api.kqueue();
const list = new api.KeventList(4);
const fs = { ident: 1, filter: api.EVFILT_FS, flags: api.EV_ADD };
api.kevent(all, [fs], null);
api.kevent(unmounts, [{ ...fs, fflags: ${VQ_UNMOUNT} }], null);
api.kevent(parent, [{ ident: all, filter: api.EVFILT_READ, flags: api.EV_ADD }], null);
const take = (kq) => {
  // A child that ends interrupts, which is no answer.
  for (let i = 0; i < 10; i++) {
    try {
      api.kevent(kq, null, list, 0);
      return [...list].map(({ fflags, flags, data }) => [fflags, flags, data]);
    } catch (error) {
      if (error.code !== 'EINTR') throw error;
    }
  }
};
const step = (...args) => {
  execFileSync(...args);
  api.kevent(parent, null, list, 0);
  const above = list.length;
  return [above, take(all), take(unmounts), take(all)];
};
console.log(JSON.stringify([
  step('mount', ['-t', 'tmpfs', 'none', folder]),
  step('mount', ['-o', 'remount,ro', folder]),
  step('umount', [folder]),
]));
`;

const withMounts = gate(canMount(), 'mounts cannot be made here');

withMounts('N1 mounts, changed options and unmounts are told, once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kqueue-'));
  try {
    const main = join(root, 'dist', 'index.cjs');
    const out = execFileSync(
      'unshare',
      ['-m', process.execPath, '-e', SCRIPT, main, folder],
      { encoding: 'utf8', timeout: 20_000 },
    );
    const EV_ADD_CLEAR = 0x21;
    const told = (fflags: number) => [[fflags, EV_ADD_CLEAR, 0]];
    expect(JSON.parse(out)).toEqual([
      [1, told(VQ_MOUNT), [], []],
      [1, told(VQ_UPDATE), [], []],
      [1, told(VQ_UNMOUNT), told(VQ_UNMOUNT), []],
    ]);
  } finally {
    rmdirSync(folder);
  }
});
