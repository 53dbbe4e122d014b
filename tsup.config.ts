import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import {
  denseLines,
  namesFiles,
  sharedEntries,
  toTheirFiles,
} from './scripts/build/plugins.js';

const entry = { index: 'src/index.ts', abi: 'src/abi.ts' };

/** The folder that `--out-dir` names comes with the options of the command. */
export default defineConfig((command: Options): Options[] => {
  const outDir = command.outDir ?? 'dist';
  return [
    {
      // The command is there as ESM only.
      entry: {
        bundler: entry.index,
        abi: entry.abi,
        cli: 'src/cli/main.ts',
      },
      format: ['esm', 'cjs'],
      target: 'node20',
      platform: 'node',
      outDir,
      splitting: false,
      removeNodeProtocol: false,
      sourcemap: true,
      clean: true,
      esbuildPlugins: [toTheirFiles],
      plugins: [denseLines],
      esbuildOptions(options, { format }) {
        options.sourcesContent = false;
        if (format !== 'cjs') return;
        options.define = { 'import.meta.url': 'origin' };
        options.inject = ['scripts/build/origin.js'];
        options.entryPoints = {
          abi: entry.abi,
          ...sharedEntries,
        };
      },
      // One set of declarations is enough: what is ESM may import CommonJS.
      async onSuccess() {
        for (const name of ['index', 'abi']) {
          const text = `export * from './${name}.cjs';\n`;
          await writeFile(join(outDir, `${name}.d.ts`), text);
        }
        for (const [file, text] of namesFiles()) {
          await writeFile(join(outDir, file), text);
        }
      },
    },
    {
      entry: { index: entry.index, abi: entry.abi },
      format: ['cjs'],
      outDir,
      // tsup sets `baseUrl` for the declarations, which TypeScript 6 deprecates.
      dts: {
        only: true,
        compilerOptions: { ignoreDeprecations: '6.0' },
        // For Symbol.dispose, which a program's own `lib` need not have.
        banner: '/// <reference lib="esnext.disposable" />',
      },
    },
  ];
});
