import {
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  install,
  type Project,
  pack,
  root,
  run,
} from '../support/built-package.js';

type Format = 'ESM' | 'CommonJS';

/** How a user gets the package in each module system. */
const LOAD: Readonly<Record<Format, string>> = {
  ESM: "await import('kqueue-ffi')",
  CommonJS: "require('kqueue-ffi')",
};
const FILE: Readonly<Record<Format, string>> = {
  ESM: 'program.mjs',
  CommonJS: 'program.cjs',
};
const FORMATS: readonly Format[] = ['ESM', 'CommonJS'];

/** Whether the native part of koffi is in the process, asked of the linker. */
const LOADED = `
  const nativeLoaded = () =>
    process.report.getReport().sharedObjects.some((file) =>
      /koffi[^/]*\\.node$/.test(file));
`;

/** What a call of a program's choice answers or throws. */
const ATTEMPT = `
  const attempt = (call) => {
    try {
      return { value: call() };
    } catch (error) {
      const { name, code, message } = error;
      return { name, code, message, own: error instanceof kq.KqueueError };
    }
  };
`;

let tarball: string;
let tarballFolder: string;
let project: Project;
let bare: Project;

beforeAll(async () => {
  ({ tarball, folder: tarballFolder } = await pack());
  project = await install(tarball);
  bare = await install(tarball, { withDependencies: false });
}, 120_000);

afterAll(() => {
  project?.dispose();
  bare?.dispose();
  if (tarballFolder) rmSync(tarballFolder, { recursive: true, force: true });
});

/** Run a program in a project; it hands its findings to `report`. */
async function program(
  format: Format,
  body: string,
  { before = '', where = project } = {},
): Promise<unknown> {
  const report = '(value) => console.log(JSON.stringify(value))';
  const source = `${before}\nconst report = ${report};\nconst kq = ${LOAD[format]};\n${LOADED}${ATTEMPT}${body}\n`;
  const file = join(where.folder, FILE[format]);
  writeFileSync(file, source);
  const outcome = await run(process.execPath, [file], where.folder);
  expect(outcome).toEqual(expect.objectContaining({ status: 0, stderr: '' }));
  return JSON.parse(outcome.stdout);
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();
}

describe('the package that npm publishes', () => {
  test('holds the build, its types and maps, the readme and the licence, and nothing else', () => {
    const files = filesIn(project.installed);
    expect(files.filter((file) => !file.startsWith('dist'))).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
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
    // The ESM entries only hand on what CommonJS has.
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

  test('has maps that hold the sources, and code that can be read', () => {
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

  test('says nothing about the machine it was built on', () => {
    const folder = root.replace(/[\\/]$/, '');
    const telling = filesIn(project.installed).filter((file) =>
      readFileSync(join(project.installed, file), 'utf8').includes(folder),
    );
    expect(telling).toEqual([]);
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
  test.each(FORMATS)(
    'gets the three calls and the list from %s',
    async (format) => {
      const kinds = await program(
        format,
        `report([kq.kqueue, kq.kevent, kq.close, kq.KeventList, kq.KqueueError]
         .map((value) => typeof value));`,
      );
      expect(kinds).toEqual(Array(5).fill('function'));
    },
  );

  test('finds the same names in ESM and in CommonJS', async () => {
    const [esm, cjs] = await Promise.all(
      FORMATS.map((format) =>
        program(
          format,
          `report(Object.keys(kq)
             .filter((name) => name !== 'default' && name !== 'module.exports')
             .sort());`,
        ),
      ),
    );
    expect(esm).toEqual(cjs);
    expect(esm).toEqual(
      expect.arrayContaining(['EVFILT_READ', 'EV_ADD', 'NOTE_TRIGGER']),
    );
  });

  test.each(FORMATS)(
    'receives its own user event, all 64 bits of udata unchanged, from %s',
    async (format) => {
      const found = await program(
        format,
        `
      const user = { ident: 7, filter: kq.EVFILT_USER, udata: 2n ** 64n - 1n };
      const queue = kq.kqueue();
      kq.kevent(queue, [{ ...user, flags: kq.EV_ADD | kq.EV_CLEAR }], null);
      kq.kevent(queue, [{ ...user, fflags: kq.NOTE_TRIGGER }], null);
      const events = new kq.KeventList(2);
      const count = kq.kevent(queue, null, events, 1000);
      const { ident, filter, udata } = events.get(0);
      const again = kq.kevent(queue, null, events, 0);
      kq.close(queue);
      report({ count, again, ident, filter: filter === kq.EVFILT_USER,
        udata: String(udata), closed: attempt(() => kq.close(queue)).code });
      `,
      );
      expect(found).toEqual({
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
    'loads native code at the first call and not when it imports the package from %s',
    async (format) => {
      const found = await program(
        format,
        `
      const imported = nativeLoaded();
      const constant = kq.EVFILT_READ;
      const queue = kq.kqueue();
      const called = nativeLoaded();
      kq.close(queue);
      report({ imported, constant: typeof constant, called });
      `,
      );
      expect(found).toEqual({
        imported: false,
        constant: 'number',
        called: true,
      });
    },
  );

  test.each(FORMATS)(
    'can import it on Windows, where the first call says that there is no kqueue, from %s',
    async (format) => {
      const found = await program(
        format,
        `report({ ...attempt(() => kq.kqueue()), loaded: nativeLoaded() });`,
        {
          before: `Object.defineProperty(process, 'platform', { value: 'win32' });`,
        },
      );
      expect(found).toEqual({
        name: 'KqueueError',
        code: 'ERR_KQUEUE_UNSUPPORTED',
        message: expect.stringContaining('win32'),
        own: true,
        loaded: false,
      });
    },
  );

  test.each(FORMATS)(
    'can import it where koffi is missing, and every call says what to install, from %s',
    async (format) => {
      const found = await program(
        format,
        `report([attempt(() => kq.kqueue()), attempt(() => kq.kqueue())]);`,
        { where: bare },
      );
      const expected = {
        name: 'KqueueError',
        code: 'ERR_KQUEUE_LOAD',
        message: expect.stringContaining('koffi'),
        own: true,
      };
      expect(found).toEqual([expected, expected]);
    },
  );
});
