import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', abi: 'src/abi.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  // koffi is loaded with `require`, at the first call: ESM has none.
  banner: ({ format }) =>
    format === 'esm'
      ? {
          js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
        }
      : {},
  // tsup sets `baseUrl` for the declarations, which TypeScript 6 deprecates.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  sourcemap: true,
  clean: true,
});
