// The package in the hands of module systems.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { install, type Project, root, run } from '../support/built-package.js';

let project: Project;

beforeAll(async () => {
  project = await install();
});

afterAll(() => project?.dispose());

/** Run a program of `fixtures/package/` in the project; it prints JSON. */
async function printedBy(file: string): Promise<unknown> {
  const outcome = await project.run(`package/${file}`);
  expect(outcome).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(outcome.stdout);
}

test('import and require share queues, lists and errors in one process', async () => {
  expect(await printedBy('both.mjs')).toEqual({
    count: 1,
    hasOneError: true,
    hasOneQueue: true,
    name: 'Kqueue',
    hasOneDarwin: true,
    hasOneNetbsd: true,
  });
});

test.each(['loaded.cjs', 'loaded.mjs'])(
  'loading it with %s loads no slow module of Node.js',
  async (file) => {
    const slow =
      /NativeModule (worker_threads|stream|net|child_process|crypto|url)$/;
    const loaded = (await printedBy(file)) as string[];
    expect(loaded.filter((name) => slow.test(name))).toEqual([]);
  },
);

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
  const file = project.copy('package/stacks.cjs');
  const args = ['--enable-source-maps', file];
  const { stdout } = await run(process.execPath, args, project.folder);
  const [get, call] = JSON.parse(stdout) as [string, string];
  expect(get).toMatch(
    /at KeventList\.get .*src[\\/]calls[\\/]kevent-list\.ts:\d+/,
  );
  expect(call).toMatch(/at .*kevent .*src[\\/]calls[\\/]syscalls\.ts:\d+/);
  for (const stack of [get, call]) expectFramesPointAtCalls(stack);
});

test('the command exists and starts', async () => {
  const { bin, version } = JSON.parse(
    readFileSync(join(project.installed, 'package.json'), 'utf8'),
  ) as { bin: Record<string, string>; version: string };
  const file = join(project.installed, bin.kq ?? '');
  expect(readFileSync(file, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  const { stdout } = await run(process.execPath, [file, '--version']);
  expect(stdout).toContain(version);
});

test('no source is in two files of dist, except three without state', () => {
  const folder = join(root, 'dist');
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const file of readdirSync(folder)) {
    if (!file.endsWith('.cjs')) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    const sources = new Set(text.match(/^\/\/ src\/.*$/gm) ?? []);
    for (const source of sources) {
      if (seen.has(source)) twice.add(source.replace('// src/', ''));
      seen.add(source);
    }
  }
  expect(seen.size).toBeGreaterThan(100);
  expect([...twice].sort()).toEqual([
    'queue/descriptor.ts',
    'queue/late.ts',
    'queue/waker.ts',
  ]);
});
