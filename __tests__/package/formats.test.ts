// The package in the hands of module systems.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  install,
  type Project,
  pack,
  root,
  run,
} from '../support/built-package.js';

// Compilers take their time on a busy machine.
jest.setTimeout(120_000);

let project: Project;

beforeAll(async () => {
  const { tarball, folder } = await pack();
  project = await install(tarball);
  rmSync(folder, { recursive: true, force: true });
}, 120_000);

afterAll(() => project?.dispose());

/** Run a program in the project; what it prints last is JSON. */
async function program(name: string, source: string): Promise<unknown> {
  const file = join(project.folder, name);
  writeFileSync(file, source);
  const outcome = await run(process.execPath, [file], project.folder);
  expect(outcome).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(outcome.stdout);
}

test('import and require in one process give the same queues, lists and errors', async () => {
  const found = await program(
    'both.mjs',
    `
    import { createRequire } from 'node:module';
    import * as esm from 'kqueue-ffi';
    import * as esmAbi from 'kqueue-ffi/abi';
    const require = createRequire(import.meta.url);
    const cjs = require('kqueue-ffi');
    const cjsAbi = require('kqueue-ffi/abi');
    const kq = esm.kqueue();
    const user = { ident: 1, filter: cjs.EVFILT_USER };
    cjs.kevent(kq, [{ ...user, flags: cjs.EV_ADD }], null);
    cjs.kevent(kq, [{ ...user, fflags: cjs.NOTE_TRIGGER }], null);
    const count = cjs.kevent(kq, null, new esm.KeventList(1), 1000);
    cjs.close(kq);
    let isOne = false;
    try { cjs.close(kq); } catch (error) { isOne = error instanceof esm.KqueueError; }
    console.log(JSON.stringify([
      count, isOne, esm.Kqueue === cjs.Kqueue, esm.Kqueue.name,
      esmAbi.darwin === cjsAbi.darwin, esmAbi.kernels.netbsd === cjsAbi.netbsd,
    ]));`,
  );
  expect(found).toEqual([1, true, true, 'Kqueue', true, true]);
});

test('to import it loads nothing of Node.js that takes long to load', async () => {
  const slow =
    /NativeModule (worker_threads|stream|net|child_process|crypto|url)$/;
  const report = `
    const loaded = process.moduleLoadList.filter(
      (name) => !before.has(name) && ${slow}.test(name));
    console.log(JSON.stringify(loaded));`;
  const before = 'const before = new Set(process.moduleLoadList);';
  const cjs = `${before} require('kqueue-ffi'); ${report}`;
  expect(await program('slow.cjs', cjs)).toEqual([]);
  const esm = `${before} await import('kqueue-ffi'); ${report}`;
  expect(await program('slow.mjs', esm)).toEqual([]);
});

/** Of every frame in the sources: the text that it points at. */
function framesOf(stack: string): { name: string; text: string }[] {
  const frame = /at (?:new )?(\S+) \(.*[\\/](src[\\/].+):(\d+):(\d+)\)/g;
  return [...stack.matchAll(frame)].map(([, name, file, line, column]) => {
    const source = readFileSync(join(root, file), 'utf8');
    const text = source.split('\n')[Number(line) - 1];
    return { name, text: text.slice(Number(column) - 1) };
  });
}

/** The first frame makes the error, each other one calls the one before it. */
function expectFramesPointAtCalls(stack: string): void {
  const frames = framesOf(stack);
  expect(frames.length).toBeGreaterThan(1);
  expect(frames[0].text).toMatch(/^new (Type|Range)Error\(/);
  for (const [i, { text }] of frames.slice(1).entries()) {
    const callee = frames[i].name.split('.').at(-1);
    expect(text.slice(0, 60)).toContain(`${callee}(`);
  }
}

test('a stack trace names functions and methods, and with maps the sources', async () => {
  const source = `
    const { KeventList, kevent } = require('kqueue-ffi');
    const stackOf = (call) => {
      try { call(); } catch ({ stack }) { return stack; }
    };
    console.log(JSON.stringify([
      stackOf(() => new KeventList(1).get(7)),
      stackOf(() => kevent('3', null, null)),
    ]));`;
  const file = join(project.folder, 'stack.cjs');
  writeFileSync(file, source);
  const args = ['--enable-source-maps', file];
  const { stdout } = await run(process.execPath, args, project.folder);
  const [get, call] = JSON.parse(stdout) as [string, string];
  expect(get).toMatch(
    /at KeventList\.get .*src[\\/]calls[\\/]kevent-list\.ts:\d+/,
  );
  expect(call).toMatch(/at .*kevent .*src[\\/]calls[\\/]syscalls\.ts:\d+/);
  for (const stack of [get, call]) expectFramesPointAtCalls(stack);
});

test('its command is there and starts', async () => {
  const { bin, version } = JSON.parse(
    readFileSync(join(project.installed, 'package.json'), 'utf8'),
  ) as { bin: Record<string, string>; version: string };
  const file = join(project.installed, bin.kq ?? '');
  expect(readFileSync(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  const { stdout } = await run(process.execPath, [file, '--version']);
  expect(stdout).toContain(version);
});
