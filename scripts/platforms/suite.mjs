// The conformance suite for a machine without the tools of the tests: each of its
// files is bundled, and lies where it lies in the checkout.
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './package.mjs';

const TESTS = '__tests__/conformance';
/** Tests of the suite itself, or tests that take an emulator many minutes. */
const LEFT_OUT = new Set([
  'coverage.test.ts',
  'limits.test.ts',
  'recordings.test.ts',
]);

/** Of Node's runner only the outcomes count, which the script prints itself. */
const SILENT = ['--test-reporter=tap', '--test-reporter-destination=/dev/null'];

/** Put the suite beside the package. Returns the arguments for node to run it. */
export async function putSuite(folder) {
  const files = readdirSync(join(root, TESTS)).filter(
    (name) => name.endsWith('.test.ts') && !LEFT_OUT.has(name),
  );
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external: ['koffi'],
    logLevel: 'error',
    outbase: '.',
    outdir: folder,
    outExtension: { '.js': '.cjs' },
  };
  await build({
    ...common,
    entryPoints: files.map((name) => join(TESTS, name)),
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: {
      js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;',
    },
  });
  await build({
    ...common,
    entryPoints: ['scripts/platforms/guest/suite.mjs'],
  });
  const fixtures = '__tests__/fixtures';
  cpSync(join(root, fixtures), join(folder, fixtures), { recursive: true });
  return [...SILENT, 'scripts/platforms/guest/suite.cjs'];
}
