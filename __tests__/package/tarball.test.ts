import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { install, type Project, root } from '../support/built-package.js';

type Format = 'ESM' | 'CommonJS';

/** A program of a user, in each module system. */
const FILE: Readonly<Record<Format, string>> = {
  ESM: 'user.mjs',
  CommonJS: 'user.cjs',
};
const FORMATS: readonly Format[] = ['ESM', 'CommonJS'];

let project: Project;
let bare: Project;

beforeAll(async () => {
  project = await install();
  bare = await install({ withDependencies: false });
  // Which `user.mjs` imports.
  for (const { copy } of [project, bare]) copy('package/user.cjs');
});

afterAll(() => {
  project?.dispose();
  bare?.dispose();
});

/** What `fixtures/package/user.*` finds in a project. */
async function findings(
  format: Format,
  name: string,
  where = project,
): Promise<unknown> {
  const outcome = await where.run(`package/${FILE[format]}`, name);
  expect(outcome).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(outcome.stdout);
}

/** The package as a program loads and uses it. */
interface Used {
  readonly loading: unknown;
  readonly kinds: readonly string[];
  readonly names: readonly string[];
  readonly userEvent: unknown;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();
}

describe('the package that npm publishes', () => {
  test('contains only the build, its types and maps, the readme and the licence', () => {
    const files = filesIn(project.installed);
    expect(files.filter((file) => !file.startsWith('dist'))).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'man/kq.1',
      'package.json',
    ]);
    const dist = files
      .filter((file) => file.startsWith('dist/'))
      .map((file) => file.slice('dist/'.length));
    for (const entry of ['index', 'abi']) {
      for (const file of [`${entry}.js`, `${entry}.cjs`, `${entry}.d.ts`]) {
        expect(dist).toContain(file);
      }
      expect(dist).toContain(`types/${entry}.d.ts`);
    }
    // The ESM entries only re-export the CommonJS files.
    const made = dist.filter((file) => /\.c?js$/.test(file));
    expect(made.filter((file) => !dist.includes(`${file}.map`))).toEqual([
      'abi.esm.cjs',
      'abi.js',
      'index.esm.cjs',
      'index.js',
    ]);
    expect(
      dist.filter((file) => !/\.(c?js(\.map)?|d\.ts)$/.test(file)),
    ).toEqual(['types/package.json']);
  });

  test('contains maps with sources, and readable code', () => {
    const folder = join(project.installed, 'dist');
    for (const file of filesIn(folder)) {
      const text = readFileSync(join(folder, file), 'utf8');
      if (file.endsWith('.map')) {
        const { sources, sourcesContent } = JSON.parse(text) as {
          sources: string[];
          sourcesContent?: string[];
        };
        expect(sourcesContent).toHaveLength(sources.length);
      } else if (/\.c?js$/.test(file)) {
        const longest = Math.max(...text.split('\n').map((l) => l.length));
        expect([file, longest]).toEqual([file, expect.any(Number)]);
        expect(longest).toBeLessThan(600);
      }
    }
  });

  test('contains nothing about the build machine', () => {
    const folder = root.replace(/[\\/]$/, '');
    const reportingProgram = filesIn(project.installed).filter((file) =>
      readFileSync(join(project.installed, file), 'utf8').includes(folder),
    );
    expect(reportingProgram).toEqual([]);
  });

  test('depends on koffi alone and needs no install script', () => {
    const manifest = JSON.parse(
      readFileSync(join(project.installed, 'package.json'), 'utf8'),
    );
    expect(Object.keys(manifest.dependencies)).toEqual(['koffi']);
    // npm runs `prepare` where the package is a checkout, not where it is installed.
    for (const script of ['preinstall', 'install', 'postinstall']) {
      expect(manifest.scripts).not.toHaveProperty(script);
    }
  });
});

describe('a program that uses the package', () => {
  const used = new Map<Format, Used>();

  beforeAll(async () => {
    for (const format of FORMATS) {
      used.set(format, (await findings(format, 'use')) as Used);
    }
  });

  test.each(FORMATS)(
    'imports the three calls and the list from %s',
    (format) => {
      expect(used.get(format)?.kinds).toEqual(Array(5).fill('function'));
    },
  );

  test('finds the same names in ESM and in CommonJS', () => {
    const names = used.get('ESM')?.names;
    expect(names).toEqual(used.get('CommonJS')?.names);
    expect(names).toEqual(
      expect.arrayContaining(['EVFILT_READ', 'EV_ADD', 'NOTE_TRIGGER']),
    );
  });

  test.each(FORMATS)(
    'receives a user event with all 64 bits of udata from %s',
    (format) => {
      expect(used.get(format)?.userEvent).toEqual({
        count: 1,
        again: 0,
        ident: 7,
        filter: true,
        udata: '18446744073709551615',
        closed: 'EBADF',
      });
    },
  );

  test.each(FORMATS)(
    'loads native code at the first call, not on import, from %s',
    (format) => {
      expect(used.get(format)?.loading).toEqual({
        imported: false,
        constant: 'number',
        called: true,
      });
    },
  );

  test.each(FORMATS)(
    'can import it on Windows, where the first call throws, from %s',
    async (format) => {
      expect(await findings(format, 'windows')).toEqual({
        name: 'KqueueError',
        code: 'ERR_KQUEUE_UNSUPPORTED',
        message: expect.stringContaining('win32'),
        own: true,
        loaded: false,
      });
    },
  );

  test.each(FORMATS)(
    'can import it without koffi, and every call names the missing package, from %s',
    async (format) => {
      const expected = {
        name: 'KqueueError',
        code: 'ERR_KQUEUE_LOAD',
        message: expect.stringContaining('koffi'),
        own: true,
      };
      const found = await findings(format, 'refused', bare);
      expect(found).toEqual([expected, expected]);
    },
  );
});
