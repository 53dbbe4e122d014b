import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', abi: 'src/abi.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  // import.meta.url, from which koffi is found, is made up for CommonJS.
  shims: true,
  // tsup sets `baseUrl` for the declarations, which TypeScript 6 deprecates.
  dts: {
    compilerOptions: { ignoreDeprecations: '6.0' },
    // For Symbol.dispose, which a program's own `lib` need not have.
    banner: '/// <reference lib="esnext.disposable" />',
  },
  sourcemap: true,
  clean: true,
});
