// Every file of tests loads on a system that is not Linux: with the platform of a
// Mac, and a C library that has none of Linux's own calls. Each of its tests is run
// there, or gated with its reason.
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import koffi from 'koffi';
import { root } from '../support/built-package.js';

/** What only Linux's C library has. */
const LINUX_ONLY =
  /^(epoll_|eventfd|timerfd_|inotify_|signalfd|syscall$|pipe2$|ppoll$|tee$|prctl$|__errno_location$|memfd_|accept4$|unshare$|mount$|umount)/;

const folder = join(root, '__tests__');
const files = (readdirSync(folder, { recursive: true }) as string[])
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => !/^(support|fixtures)\//.test(name))
  .map((name) => join(folder, name))
  .filter((name) => name !== __filename)
  .sort();

/** Arithmetic, and tests that check by themselves whether they can run. */
const ANYWHERE = ['garbage', 'identity', 'int64', 'low-water', 'mounts'].map(
  (name) => `linux/${name}.test.ts`,
);

/** The tests that a file declares. */
interface Declared {
  readonly run: string[];
  readonly skipped: string[];
}

type Body = (...args: unknown[]) => unknown;

/** The globals of a test runner that only records declarations. */
function recorder(declared: Declared) {
  const each =
    (declare: (title: string, body: Body) => void) =>
    (first: readonly unknown[], ...rest: unknown[]) =>
    (title: string, body: Body) => {
      // A tagged template has one row, which is not used here.
      const rows = rest.length > 0 ? [[{}]] : first;
      for (const row of rows) {
        declare(title, () => body(...[row].flat()));
      }
    };
  const test = (title: string) => void declared.run.push(title);
  const skip = (title: string) => void declared.skipped.push(title);
  const describe = (_: string, body: Body) => void body();
  const nothing = (): void => {};
  return {
    test: Object.assign(test, {
      skip: Object.assign(skip, { each: each(skip) }),
      each: each(test),
      failing: test,
      concurrent: test,
    }),
    describe: Object.assign(describe, { each: each(describe), skip: nothing }),
    beforeAll: nothing,
    beforeEach: nothing,
    afterAll: nothing,
    afterEach: nothing,
  };
}

/** Load a file as on a Mac. */
function load(file: string): Declared {
  const declared: Declared = { run: [], skipped: [] };
  const own = recorder(declared);
  const names = Object.keys(own) as (keyof typeof own)[];
  const scope = globalThis as unknown as Record<string, unknown>;
  const before = names.map((name) => scope[name]);
  Object.assign(scope, own);
  try {
    require(file);
  } finally {
    names.forEach((name, i) => {
      scope[name] = before[i];
    });
  }
  return declared;
}

const platform = Object.getOwnPropertyDescriptor(process, 'platform');

beforeAll(() => {
  jest.resetModules();
  jest.doMock('koffi', () => {
    const load = (): unknown => {
      const library = koffi.load(null);
      const func = (name: string, result: string, args: string[]): unknown => {
        if (LINUX_ONLY.test(name)) throw new Error(`no symbol ${name}`);
        return library.func(name, result, args);
      };
      return { ...library, func };
    };
    const mac = { ...koffi, load };
    return { __esModule: true, ...mac, default: mac };
  });
  Object.defineProperty(process, 'platform', { value: 'darwin' });
});

afterAll(() => {
  if (platform) Object.defineProperty(process, 'platform', platform);
  jest.dontMock('koffi');
  jest.resetModules();
});

test.each(files.map((file) => relative(folder, file)))('%s', (name) => {
  const { run, skipped } = load(join(folder, name));
  expect(run.length + skipped.length).toBeGreaterThan(0);
  expect(skipped.filter((title) => !/\[gate: .+\]/.test(title))).toEqual([]);
  // Tests of the kernel for Linux do not run elsewhere.
  const isOfLinux = name.startsWith('linux/') && !ANYWHERE.includes(name);
  if (isOfLinux) expect(run).toEqual([]);
});
