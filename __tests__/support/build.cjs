// Run by jest before any test: `dist` is built again when a source is newer,
// so that no test passes on an old build.
const { spawnSync } = require('node:child_process');
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '../..');

const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
    join(folder, name),
  );

const changedAt = (file) => statSync(file).mtimeMs;

function isStale() {
  const built = ['dist/index.cjs', 'dist/types/index.d.ts'].map((file) =>
    join(root, file),
  );
  if (!built.every((file) => existsSync(file))) return true;
  const sources = [
    ...filesOf(join(root, 'src')),
    join(root, 'package.json'),
    join(root, 'tsup.config.ts'),
    join(root, 'tsconfig.types.json'),
  ];
  const newest = Math.max(...sources.map(changedAt));
  return built.some((file) => changedAt(file) < newest);
}

module.exports = () => {
  // Set by scripts/mutants.mjs, which changes the source on purpose.
  if (process.env.KQUEUE_FFI_KEEP_DIST || !isStale()) return;
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`The build failed:\n${stdout}`);
};
