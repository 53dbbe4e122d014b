import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/** The files of `dist`, each with what it holds. */
const entry: Record<string, string> = {
  index: 'src/index.ts',
  abi: 'src/abi.ts',
};

/** What one file of `dist` imports from another stays an import, or `require`. */
const apart = (extension: string): Plugin => ({
  name: 'files-stay-apart',
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
      esbuildPlugins: [apart('cjs')],
      // One copy serves both module systems: ESM takes all from CommonJS.
      async onSuccess() {
        const require = createRequire(import.meta.url);
        const types = join(outDir, 'types');
        await mkdir(types, { recursive: true });
        await writeFile(
          join(types, 'package.json'),
          '{ "type": "commonjs" }\n',
        );
        for (const name of ['index', 'abi']) {
          const exported = Object.keys(require(resolve(outDir, `${name}.cjs`)));
          const lines = exported.map((key) => `  ${key},\n`).join('');
          await writeFile(
            join(outDir, `${name}.js`),
            `import cjs from './${name}.cjs';\n\nexport const {\n${lines}} = cjs;\n`,
          );
          await writeFile(
            join(outDir, `${name}.d.ts`),
            `export * from './types/${name}.js';\n`,
          );
        }
      },
    },
    {
      ...plain,
      entry: { cli: 'src/cli/main.ts' },
      format: 'esm',
      esbuildPlugins: [apart('js')],
    },
  ];
});
