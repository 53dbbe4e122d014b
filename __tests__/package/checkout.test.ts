// The package from a checkout that was not built: packed, and linked to.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { install, root, run } from '../support/built-package.js';

// It is built here, on a busy machine.
jest.setTimeout(120_000);

/** Files that a clone does not have or a build does not need. */
const LEFT_OUT = /^(node_modules|dist|\.git|reports|coverage|docs|__tests__)$/;

let folder: string;
let checkout: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'kqueue-ffi-')));
  checkout = join(folder, 'checkout');
  cpSync(root, checkout, {
    recursive: true,
    filter: (path) => !LEFT_OUT.test(relative(root, path)),
  });
  // As npm ci leaves it.
  const modules = join(root, 'node_modules');
  symlinkSync(modules, join(checkout, 'node_modules'), 'junction');
});

afterAll(() => {
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Wait for a timer with the package that a folder has. */
const expectWorks = async (where: string): Promise<void> => {
  const file = join(where, 'timer.mjs');
  copyFileSync(join(root, '__tests__/fixtures/package/timer.mjs'), file);
  const outcome = await run(process.execPath, [file], where);
  expect(outcome).toEqual({ stdout: 'timer\n', stderr: '', status: 0 });
};

const filesOf = (where: string): string[] =>
  readdirSync(where, { recursive: true, encoding: 'utf8' }).sort();

test('npm pack builds first, and packs the same files as a built checkout', async () => {
  expect(existsSync(join(checkout, 'dist'))).toBe(false);
  const args = ['pack', '--offline', '--pack-destination', folder];
  const packed = await run('npm', args, checkout, '', 90);
  expect(packed).toMatchObject({ status: 0 });
  const [tarball] = readdirSync(folder).filter((name) => /\.tgz$/.test(name));
  const fresh = await install({ tarball: join(folder, tarball) });
  const usual = await install();
  try {
    expect(filesOf(fresh.installed)).toEqual(filesOf(usual.installed));
    await expectWorks(fresh.folder);
  } finally {
    fresh.dispose();
    usual.dispose();
  }
});

test('a link to a built checkout works (npm link)', async () => {
  const modules = join(folder, 'user/node_modules');
  mkdirSync(modules, { recursive: true });
  symlinkSync(checkout, join(modules, 'kqueue-ffi'), 'junction');
  await expectWorks(join(folder, 'user'));
});
