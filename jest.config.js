/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/__tests__/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/support/', '/fixtures/'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      'ts-jest',
      {
        // `npm run typecheck` checks the types; here they are only erased.
        diagnostics: false,
        tsconfig: {
          target: 'ES2022',
          module: 'CommonJS',
          moduleResolution: 'Bundler',
          esModuleInterop: true,
          resolveJsonModule: true,
          isolatedModules: true,
        },
        astTransformers: {
          before: ['<rootDir>/__tests__/support/import-meta.cjs'],
        },
      },
    ],
  },
  globalSetup: '<rootDir>/__tests__/support/build.cjs',
  testSequencer: '<rootDir>/__tests__/support/soak-first.cjs',
  // One more than the cores of a small machine: many tests wait for children.
  maxWorkers: 3,
  // A busy machine takes seconds to start a child.
  testTimeout: 40_000,
};
