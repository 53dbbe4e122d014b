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
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import {
  install,
  type Outcome,
  type Project,
  pack,
  root,
  run,
} from '../support/built-package.js';

// Bundlers take their time on a busy machine.
jest.setTimeout(120_000);

type Format = 'esm' | 'cjs';

const MAIN = `
const main = async () => {
  const kq = new Kqueue();
  kq.add({ filter: 'timer', id: 1, after: 5 });
  const { filter } = await kq.next();
  kq.close();
  let ticks = 0;
  for await (const { count } of interval(5)) {
    ticks += count;
    break;
  }
  const { ok, version, findings } = await doctor();
  const { EVFILT_READ } = darwin.constants;
  console.log(JSON.stringify({
    filter, hasTicked: ticks > 0, EVFILT_READ, version,
    wrong: findings.filter((finding) => finding.ok === false), ok,
  }));
};
main();
`;

/** A program that uses both tiers, a helper, the tables and the doctor. */
const PROGRAM: Readonly<Record<Format, string>> = {
  esm: `import { doctor, interval, Kqueue } from 'kqueue-ffi';
import { darwin } from 'kqueue-ffi/abi';
${MAIN}`,
  cjs: `const { doctor, interval, Kqueue } = require('kqueue-ffi');
const { darwin } = require('kqueue-ffi/abi');
${MAIN}`,
};

const EXTENSION: Readonly<Record<Format, string>> = { esm: 'mjs', cjs: 'cjs' };

/** Where a bundle is to be written, in which format, and how else. */
interface Wanted {
  readonly format: Format;
  readonly out: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

// Each bundler is a script that is given `entry`, `wanted` and `warn`.
const BUNDLERS: Readonly<Record<string, string>> = {
  esbuild: `
import { build } from 'esbuild';
for (const { format, out, options } of wanted) {
  const { warnings } = await build({
    entryPoints: [entry], outfile: out, format, bundle: true, platform: 'node',
    external: ['koffi'], logLevel: 'silent', ...options,
  });
  warnings.forEach(warn);
}`,
  rollup: `
import { rollup } from 'rollup';
import commonjs from '@rollup/plugin-commonjs';
import { nodeResolve } from '@rollup/plugin-node-resolve';
const bundle = await rollup({
  input: entry, external: ['koffi'], onwarn: warn,
  plugins: [nodeResolve({ preferBuiltins: true }), commonjs()],
});
for (const { format, out } of wanted) await bundle.write({ file: out, format });`,
  rolldown: `
import { rolldown } from 'rolldown';
const bundle = await rolldown({
  input: entry, external: ['koffi'], platform: 'node',
  onLog: (level, log) => warn(log),
});
for (const { format, out } of wanted) await bundle.write({ file: out, format });`,
  vite: `
import { basename, dirname } from 'node:path';
import { createLogger, build } from 'vite';
const customLogger = { ...createLogger('warn'), warn, warnOnce: warn };
for (const { format, out } of wanted) {
  await build({
    configFile: false, root: dirname(entry), customLogger,
    ssr: { noExternal: true, external: ['koffi'] },
    build: {
      ssr: entry, outDir: dirname(out), emptyOutDir: false,
      rollupOptions: { output: { format, entryFileNames: basename(out) } },
    },
  });
}`,
  webpack: `
import { basename, dirname } from 'node:path';
import webpack from 'webpack';
const rule = { test: /\\.c?js$/, enforce: 'pre', use: ['source-map-loader'] };
const configurations = wanted.map(({ format, out }) => {
  const isEsm = format === 'esm';
  return {
    mode: 'development', devtool: 'source-map', target: 'node20', entry,
    output: { path: dirname(out), filename: basename(out), module: isEsm },
    experiments: { outputModule: isEsm },
    externals: { koffi: (isEsm ? 'node-commonjs' : 'commonjs') + ' koffi' },
    module: { rules: [rule] },
  };
});
const stats = await new Promise((resolve, reject) => {
  webpack(configurations).run((error, stats) =>
    error ? reject(error) : resolve(stats));
});
const { errors, warnings } = stats.toJson({ errors: true, warnings: true });
[...errors, ...warnings].forEach(warn);`,
  '@vercel/ncc': `
import { writeFileSync } from 'node:fs';
import ncc from '@vercel/ncc';
for (const { out } of wanted) {
  const options = { externals: ['koffi'], quiet: true };
  const { code, assets } = await ncc(entry, options);
  Object.keys(assets).forEach(warn);
  writeFileSync(out, code);
}`,
};

let project: Project;
let bundles: string;

beforeAll(async () => {
  const { tarball, folder } = await pack();
  project = await install(tarball);
  rmSync(folder, { recursive: true, force: true });
  for (const format of ['esm', 'cjs'] as const) {
    const file = join(project.folder, `entry.${EXTENSION[format]}`);
    writeFileSync(file, PROGRAM[format]);
  }
  bundles = realpathSync(mkdtempSync(join(tmpdir(), 'kqueue-ffi-')));
  mkdirSync(join(bundles, 'node_modules'));
  for (const name of ['koffi', '@koromix']) {
    const target = join(bundles, 'node_modules', name);
    symlinkSync(join(root, 'node_modules', name), target, 'junction');
  }
}, 60_000);

afterAll(() => {
  project?.dispose();
  if (bundles) rmSync(bundles, { recursive: true, force: true });
});

const entryOf = (format: Format): string =>
  join(project.folder, `entry.${EXTENSION[format]}`);

const outOf = (name: string, format: Format): string =>
  join(bundles, `${name.replace(/\W/g, '-')}.${EXTENSION[format]}`);

/** Bundle a program, without a warning. */
async function bundle(
  name: string,
  from: Format,
  wanted: readonly Wanted[],
): Promise<void> {
  const source = `
const [entry, json] = process.argv.slice(1);
const wanted = JSON.parse(json);
const warn = (warning) => console.error(warning.message ?? warning);
${BUNDLERS[name]}`;
  const args = [entryOf(from), JSON.stringify(wanted)];
  const made = await run(
    process.execPath,
    ['--input-type=module', '-e', source, ...args],
    // Where the bundlers are found.
    root,
    '',
    90,
  );
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
  for (const { out } of wanted) {
    expectWorks(await run(process.execPath, [out], bundles));
  }
}

// ncc keeps the format of the program; the others make each of each.
test.each([
  ['esbuild', 'esm', ['esm', 'cjs']],
  ['esbuild', 'cjs', ['esm', 'cjs']],
  ['rollup', 'esm', ['esm', 'cjs']],
  ['rolldown', 'esm', ['esm', 'cjs']],
  ['vite', 'esm', ['esm', 'cjs']],
  ['webpack', 'esm', ['esm', 'cjs']],
  ['@vercel/ncc', 'esm', ['esm']],
  ['@vercel/ncc', 'cjs', ['cjs']],
] as const)(
  '%s makes bundles that work of a program in %s, as %j',
  async (name, from, formats) => {
    const wanted = formats.map((format) => ({
      format,
      out: outOf(name, format),
    }));
    await bundle(name, from, wanted);
    await expectBundlesWork(wanted);
  },
);

test('esbuild makes bundles that work, minified and with any conditions', async () => {
  const variants = [
    { minify: true },
    { conditions: ['module', 'import', 'require'] },
    { conditions: ['require', 'node'] },
  ];
  const wanted = variants.map((options, i) => ({
    format: 'esm' as const,
    out: outOf(`variant-${i}`, 'esm'),
    options,
  }));
  await bundle('esbuild', 'esm', wanted);
  await expectBundlesWork(wanted);
});

/** Where `npm run test:runtimes` installs Bun, whose binary has 100 MB. */
const bun = join(
  process.env.KQUEUE_FFI_RUNTIMES ?? join(tmpdir(), 'kqueue-ffi-runtimes'),
  'bun/node_modules/.bin/bun',
);

gate(existsSync(bun), 'npm run test:runtimes installs Bun')(
  'bun build makes bundles that work',
  async () => {
    for (const format of ['esm', 'cjs'] as const) {
      const out = outOf('bun', format);
      const options = ['--target=node', '--external=koffi'];
      const args = ['build', entryOf('esm'), ...options, '--outfile', out];
      const { status } = await run(bun, [...args, `--format=${format}`]);
      expect(status).toBe(0);
      await expectBundlesWork([{ format, out }]);
    }
  },
);

test.each([
  ['is not installed', ['koffi'], "Cannot find module 'koffi'"],
  ['is in the bundle', [], 'did you bundle it correctly?'],
])('a bundle says what is missing where koffi %s', async (_, external, why) => {
  const alone = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  try {
    const out = join(alone, 'bundle.cjs');
    await bundle('esbuild', 'cjs', [
      { format: 'cjs', out, options: { external } },
    ]);
    const { stderr, status } = await run(process.execPath, [out], alone);
    expect(status).toBe(1);
    expect(stderr).toContain("code: 'ERR_KQUEUE_LOAD'");
    expect(stderr).toContain(why);
  } finally {
    rmSync(alone, { recursive: true, force: true });
  }
});
