// The package inside bundles: each is built from the tarball, and then runs in a
// folder that has koffi and nothing else.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import {
  install,
  type Outcome,
  type Project,
  root,
  run,
} from '../support/built-package.js';
import { filesInTurn } from '../support/in-turn.js';

// Bundlers take their time on a busy machine.
jest.setTimeout(120_000);

type Format = 'esm' | 'cjs';

/** A bundle: its format, where it is written, and how else. */
interface Output {
  readonly format: Format;
  readonly file: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** A program, and the bundles to make of it. */
interface Wanted {
  readonly from: Format;
  readonly outputs: readonly Output[];
}

const EXTENSION: Readonly<Record<Format, string>> = { esm: 'mjs', cjs: 'cjs' };

let project: Project;
let bundles: string;

beforeAll(async () => {
  project = await install();
  for (const extension of Object.values(EXTENSION)) {
    project.copy(`package/bundled.${extension}`);
  }
  project.copy('package/bundled-main.cjs');
  bundles = realpathSync(mkdtempSync(join(tmpdir(), 'kqueue-ffi-')));
  mkdirSync(join(bundles, 'node_modules'));
  for (const name of ['koffi', '@koromix']) {
    const target = join(bundles, 'node_modules', name);
    symlinkSync(join(root, 'node_modules', name), target, 'junction');
  }
});

afterAll(() => {
  project?.dispose();
  if (bundles) rmSync(bundles, { recursive: true, force: true });
});

/** A program that uses both tiers, a helper, the tables and the doctor. */
const entryOf = (format: Format): string =>
  join(project.folder, `bundled.${EXTENSION[format]}`);

const fileOf = (name: string, format: Format): string =>
  join(bundles, `${name}.${EXTENSION[format]}`);

/** Bundle programs, without a warning. */
async function bundle(name: string, wanted: readonly Wanted[]): Promise<void> {
  const json = JSON.stringify(
    wanted.map(({ from, outputs }) => ({ entry: entryOf(from), outputs })),
  );
  const program = join(root, '__tests__/fixtures/package/bundle.mjs');
  // Newer releases of Node.js warn of what the bundlers themselves call.
  const args = ['--no-deprecation', program, name, json];
  const made = await run(process.execPath, args, root, '', 90);
  expect(made).toMatchObject({ stderr: '', status: 0 });
}

const { version } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as { version: string };

function expectWorks({ stdout, stderr, status }: Outcome): void {
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(JSON.parse(stdout)).toEqual({
    filter: 'timer',
    hasTicked: true,
    EVFILT_READ: -1,
    version,
    wrong: [],
    ok: true,
  });
}

async function expectBundlesWork(wanted: readonly Wanted[]): Promise<void> {
  const outputs = wanted.flatMap((one) => one.outputs);
  const files = outputs.map(({ file }) => file);
  for (const outcome of await filesInTurn(files, bundles)) expectWorks(outcome);
}

const FORMATS = ['esm', 'cjs'] as const;
type Made = Partial<Record<Format, readonly Format[]>>;

// ncc keeps the format of the program; the others make each of each.
test.each<[string, Made]>([
  ['esbuild', { esm: FORMATS, cjs: FORMATS }],
  ['rollup', { esm: FORMATS }],
  ['rolldown', { esm: FORMATS }],
  ['vite', { esm: FORMATS }],
  ['webpack', { esm: FORMATS }],
  ['ncc', { esm: ['esm'], cjs: ['cjs'] }],
])('%s creates working bundles: %j', async (name, formats) => {
  const wanted = Object.entries(formats).map(([from, to]) => ({
    from: from as Format,
    outputs: to.map((format) => ({
      format,
      file: fileOf(`${name}-of-${from}`, format),
    })),
  }));
  await bundle(name, wanted);
  await expectBundlesWork(wanted);
});

test('esbuild creates working bundles, minified and with any conditions', async () => {
  const variants = [
    { minify: true },
    { conditions: ['module', 'import', 'require'] },
    { conditions: ['require', 'node'] },
  ];
  const outputs = variants.map((options, i) => ({
    format: 'esm' as const,
    file: fileOf(`variant-${i}`, 'esm'),
    options,
  }));
  const wanted = [{ from: 'esm', outputs }] as const;
  await bundle('esbuild', wanted);
  await expectBundlesWork(wanted);
});

/** Where `npm run test:runtimes` installs Bun, whose binary has 100 MB. */
const bun = join(
  process.env.KQUEUE_FFI_RUNTIMES ?? join(tmpdir(), 'kqueue-ffi-runtimes'),
  'bun/node_modules/.bin/bun',
);

gate(existsSync(bun), 'npm run test:runtimes installs Bun')(
  'bun build creates working bundles',
  async () => {
    for (const format of FORMATS) {
      const file = fileOf('bun', format);
      const options = ['--target=node', '--external=koffi'];
      const args = ['build', entryOf('esm'), ...options, '--outfile', file];
      const { status } = await run(bun, [...args, `--format=${format}`]);
      expect(status).toBe(0);
      await expectBundlesWork([{ from: 'esm', outputs: [{ format, file }] }]);
    }
  },
);

test('a bundle without koffi, or with koffi inlined, names the missing part', async () => {
  const alone = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  const cases = [
    { external: ['koffi'], why: "Cannot find module 'koffi'" },
    { external: [], why: 'did you bundle it correctly?' },
  ];
  const outputs = cases.map(({ external }, i) => ({
    format: 'cjs' as const,
    file: join(alone, `${i}.cjs`),
    options: { external },
  }));
  try {
    await bundle('esbuild', [{ from: 'cjs', outputs }]);
    for (const [i, { why }] of cases.entries()) {
      const { file } = outputs[i];
      const { stderr, status } = await run(process.execPath, [file], alone);
      expect(status).toBe(1);
      expect(stderr).toContain("code: 'ERR_KQUEUE_LOAD'");
      expect(stderr).toContain(why);
    }
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});
