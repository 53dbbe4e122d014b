// The package from a checkout that was not built: packed, and linked to.
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { install, pack, root, run } from '../support/built-package.js';

// It is built here, on a busy machine.
jest.setTimeout(120_000);

/** What a clone does not have, and what the build does not need. */
const LEFT_OUT = /^(node_modules|dist|\.git|reports|coverage|docs|__tests__)$/;

const PROGRAM = `
import { Kqueue } from 'kqueue-ffi';
const kq = new Kqueue();
kq.add({ filter: 'timer', id: 1, after: 5 });
const event = await kq.next();
kq.close();
console.log(event.filter);
`;

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

const runProgram = async (where: string): Promise<void> => {
  const file = join(where, 'program.mjs');
  writeFileSync(file, PROGRAM);
  const outcome = await run(process.execPath, [file], where);
  expect(outcome).toEqual({ stdout: 'timer\n', stderr: '', status: 0 });
};

const filesOf = (where: string): string[] =>
  readdirSync(where, { recursive: true, encoding: 'utf8' }).sort();

test('npm pack builds first, and packs what a built checkout packs', async () => {
  expect(existsSync(join(checkout, 'dist'))).toBe(false);
  const args = ['pack', '--offline', '--pack-destination', folder];
  const packed = await run('npm', args, checkout, '', 90);
  expect(packed).toMatchObject({ status: 0 });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  const fresh = await install(join(folder, tarball ?? 'no tarball'));
  const built = await pack();
  const usual = await install(built.tarball);
  try {
    expect(filesOf(fresh.installed)).toEqual(filesOf(usual.installed));
    await runProgram(fresh.folder);
  } finally {
    fresh.dispose();
    usual.dispose();
    rmSync(built.folder, { recursive: true, force: true });
  }
});

test('a link to a built checkout works, as of npm link', async () => {
  const modules = join(folder, 'user/node_modules');
  mkdirSync(modules, { recursive: true });
  symlinkSync(checkout, join(modules, 'kqueue-ffi'), 'junction');
  await runProgram(join(folder, 'user'));
});
