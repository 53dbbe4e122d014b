// The declarations of the package, as compilers of any settings read them.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import {
  install,
  type Project,
  pack,
  root,
  runModule,
} from '../support/built-package.js';

// Compilers take their time on a busy machine.
jest.setTimeout(120_000);

let project: Project;

beforeAll(async () => {
  const { tarball, folder } = await pack();
  project = await install(tarball);
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

afterAll(() => project?.dispose());

/** The strictest compiler that knows neither Node's types nor the DOM's. */
const BARE = {
  target: 'es2020',
  lib: ['es2020'],
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

async function expectCompiles(
  name: string,
  source: string,
  options: object,
): Promise<void> {
  const config = join(project.folder, `tsconfig.${name}.json`);
  const compilerOptions = { ...BARE, ...options };
  writeFileSync(join(project.folder, name), source);
  writeFileSync(config, JSON.stringify({ compilerOptions, files: [name] }));
  const tsc = 'typescript/lib/tsc.js';
  const outcome = await runModule(tsc, ['-p', config], project.folder);
  expect(outcome).toEqual({ stdout: '', stderr: '', status: 0 });
}

const CONSUMER = `
import {
  close, EV_ADD, EVFILT_READ, exited, type Kevent, type KeventInit, KeventList,
  kevent, Kqueue, type KqueueEvent, KqueueError, kqueue, watchFile,
} from 'kqueue-ffi';
import { darwin, filterName } from 'kqueue-ffi/abi';

const change: KeventInit = { ident: 1n, filter: EVFILT_READ, flags: EV_ADD };
const list: KeventList = KeventList.of(change);
const fd: number = kqueue();
const count: number = kevent(fd, [change], list, 0.5);
const event: Kevent = list.get(count - 1);
export const udata: bigint = event.udata;
close(fd);
export const name: string | undefined = filterName('darwin', event.filter);
export const read: -1 = darwin.constants.EVFILT_READ;

export async function main(): Promise<KqueueEvent<string>[]> {
  using kq = new Kqueue<string>();
  using files = watchFile('file');
  for await (const event of files) event.type satisfies string;
  const { code }: { code: number | null } = await exited(1, { timeout: 1 });
  if (code === 3) throw new KqueueError('no', 'ENO', 1, 'kevent', { cause: 1 });
  return kq.poll();
}
// @ts-expect-error: an ident is a number or a bigint
KeventList.of({ ident: '1', filter: EVFILT_READ });
// @ts-expect-error: the queue comes first
kevent(list, list);
// @ts-expect-error: there is no such filter
new Kqueue().add({ filter: 'nonsense', id: 1 });
// @ts-expect-error: a signal can be listened to
exited(1, { signal: { aborted: false } });
`;

describe('the types compile without the types of Node and of the DOM', () => {
  test.each([
    ['nodenext', 'esm.mts', { module: 'nodenext' }],
    ['nodenext, CommonJS', 'cjs.cts', { module: 'nodenext' }],
    ['node16', 'node16.cts', { module: 'node16' }],
    [
      'bundler',
      'bundler.ts',
      { module: 'esnext', moduleResolution: 'bundler' },
    ],
    [
      'node10',
      'node10.ts',
      {
        module: 'commonjs',
        moduleResolution: 'node10',
        ignoreDeprecations: '6.0',
      },
    ],
  ])('with module resolution %s', async (_, name, options) => {
    await expectCompiles(name, CONSUMER, options);
  });
});

const SIGNALS = `
import { exited, interval, Kqueue, type NextOptions, watchFile } from 'kqueue-ffi';

const { signal } = new AbortController();
const options: NextOptions = { signal };
export const all = [
  new Kqueue().next(options), new Kqueue().events({ signal }),
  exited(1, { signal }), interval(5, { signal }), exited(1, { signal: undefined }),
  watchFile(new URL('file:///tmp/file')),
];
`;

test.each([
  ['Node', { types: ['node'], typeRoots: [join(root, 'node_modules/@types')] }],
  ['the DOM', { lib: ['es2020', 'dom'] }],
])('an AbortSignal and a URL of %s are accepted', async (_, options) => {
  const module = 'nodenext';
  await expectCompiles('signals.mts', SIGNALS, { module, ...options });
});

test('the declarations that the entry points reach are all in the package', () => {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    if (!existsSync(file)) return;
    const text = readFileSync(file, 'utf8');
    for (const [, path] of text.matchAll(
      /(?:from|import\()\s*'(\.[^']+)\.js'/g,
    )) {
      visit(join(dirname(file), `${path}.d.ts`));
    }
  };
  for (const entry of ['index', 'abi']) {
    visit(join(project.installed, 'dist', `${entry}.d.ts`));
  }
  expect([...reached].filter((file) => !existsSync(file))).toEqual([]);
  const rooms = [...reached].map(
    (file) => relative(project.installed, file).split(/[\\/]/)[2],
  );
  expect(rooms).toEqual(expect.arrayContaining(['queue', 'calls', 'abi']));
  for (const room of ['linux', 'ffi']) {
    expect(rooms).not.toContain(room);
    expect(existsSync(join(project.installed, 'dist/types', room))).toBe(false);
  }
});
