import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/** The files of `dist`: one per room of `src`, and one for what is loaded lazily. */
const entry: Record<string, string> = {
  index: 'src/index.ts',
  abi: 'src/abi.ts',
  errors: 'src/errors.ts',
  facts: 'src/abi/index.ts',
  tables: 'src/abi/tables.ts',
  host: 'src/host/index.ts',
  memory: 'src/memory/index.ts',
  ffi: 'src/ffi/index.ts',
  linux: 'src/linux/index.ts',
  calls: 'src/calls/index.ts',
  queue: 'src/queue/index.ts',
  'queue-parts': 'src/queue/parts.ts',
  'change-error': 'src/queue/change-error.ts',
  explain: 'src/explain/explain.ts',
  doctor: 'src/doctor/doctor.ts',
  helpers: 'src/helpers/helpers.ts',
};

/** An import, or `require`, of another file of `dist` stays one. */
const keepFilesApart = (extension: string): Plugin => ({
  name: 'keep-files-apart',
  setup(build) {
    build.onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      if (kind === 'entry-point') return undefined;
      const source = resolve(resolveDir, path.replace(/\.js$/, '.ts'));
      const name = Object.keys(entry).find(
        (key) => resolve(entry[key]) === source,
      );
      return name === undefined
        ? undefined
        : { path: `./${name}.${extension}`, external: true };
    });
  },
});

/** Inline the version of the package, and nothing else of `package.json`. */
const inlineVersion: Plugin = {
  name: 'inline-version',
  setup(build) {
    build.onLoad({ filter: /[\\/]package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/** Change the text of the files that are written. */
const rewrite = (
  name: string,
  change: (code: string) => string,
): NonNullable<Options['plugins']>[number] => ({
  name,
  renderChunk: (code, { map }) => ({ code: change(code), map: map ?? null }),
});

/**
 * Take Node's own modules from the process: a bundler that turns this CommonJS
 * into ESM leaves no `require` that could load them.
 */
const takeBuiltins = rewrite('take-builtins', (code) =>
  code.replaceAll(
    /require\("(node:\w+)"\)/g,
    (call, name) => `process.getBuiltinModule?.("${name}") ?? ${call}`,
  ),
);

/**
 * Export values, where esbuild exports a getter of a getter for each: the rooms
 * call each other through these, and all of it is defined by the end of a file.
 */
const exportValues = rewrite('export-values', (code) => {
  const [all, exported] =
    code.match(/^module\.exports = __toCommonJS\((\w+)\);\n/m) ?? [];
  return all === undefined
    ? code
    : `${code.replace(all, '\n')}module.exports = Object.defineProperty({ ...${exported} }, '__esModule', { value: true });\n`;
});

/** ESM takes all from CommonJS, so a process has one copy, whoever loads it. */
async function writeEsm(outDir: string): Promise<void> {
  const require = createRequire(import.meta.url);
  const write = (file: string, text: string): Promise<void> =>
    writeFile(join(outDir, file), text);
  await mkdir(join(outDir, 'types'), { recursive: true });
  await write('types/package.json', '{ "type": "commonjs" }\n');
  for (const name of ['index', 'abi']) {
    const exported = Object.keys(require(resolve(outDir, `${name}.cjs`)));
    const names = exported.map((key) => `  ${key},\n`).join('');
    // Node scans the CommonJS file that ESM imports for the names of its exports,
    // which takes 10 ms for a large one: so it is given a small one.
    await write(
      `${name}.esm.cjs`,
      `const all = require('./${name}.cjs');\nmodule.exports = all;\n`,
    );
    await write(
      `${name}.js`,
      `import cjs from './${name}.esm.cjs';\n\nexport const {\n${names}} = cjs;\n`,
    );
    await write(`${name}.d.ts`, `export * from './types/${name}.js';\n`);
  }
}

/** The folder that `--out-dir` names comes with the options of the command. */
export default defineConfig(({ outDir = 'dist' }: Options): Options[] => {
  const plain: Options = {
    target: 'node20',
    platform: 'node',
    outDir,
    splitting: false,
    removeNodeProtocol: false,
    sourcemap: true,
  };
  return [
    {
      ...plain,
      entry,
      format: 'cjs',
      clean: true,
      esbuildPlugins: [keepFilesApart('cjs'), inlineVersion],
      plugins: [takeBuiltins, exportValues],
      onSuccess: () => writeEsm(outDir),
    },
    {
      ...plain,
      entry: { cli: 'src/cli/main.ts' },
      format: 'esm',
      esbuildPlugins: [keepFilesApart('js')],
    },
  ];
});
