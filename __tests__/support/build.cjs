// Jest runs this before any test. It rebuilds the package if a source is newer,
// so that no test passes on an old build.
const { spawnSync } = require('node:child_process');
const {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '../..');
const inRoot = (...files) => files.map((file) => join(root, file));
const [tarball] = inRoot('.dist-packed/package.tgz');

const filesOf = (folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map(
    (name) => join(root, folder, name),
  );

const changedAt = (file) => statSync(file).mtimeMs;

/** Whether one of the targets is missing, or older than one of the sources. */
function isStale(targets, sourcesOf) {
  if (!targets.every((file) => existsSync(file))) return true;
  const newest = Math.max(...sourcesOf().map(changedAt));
  return targets.some((file) => changedAt(file) < newest);
}

function npm(...args) {
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) {
    throw new Error(`npm ${args.join(' ')} failed:\n${stdout}${stderr}`);
  }
}

const isBuildStale = () =>
  isStale(inRoot('dist/index.cjs', 'dist/types/index.d.ts'), () => [
    ...filesOf('src'),
    ...inRoot('package.json', 'tsup.config.ts', 'tsconfig.types.json'),
  ]);

const isTarballStale = () =>
  isStale([tarball], () => [
    ...filesOf('dist'),
    ...filesOf('man'),
    ...inRoot('package.json', 'README.md', 'CHANGELOG.md', 'LICENSE'),
  ]);

/** Pack the build as `npm publish` would. */
function pack() {
  const folder = join(tarball, '..');
  mkdirSync(folder, { recursive: true });
  const fresh = mkdtempSync(join(folder, 'pack-'));
  try {
    const into = ['--pack-destination', fresh];
    npm('pack', '--silent', '--offline', '--ignore-scripts', ...into);
    const [name] = readdirSync(fresh);
    renameSync(join(fresh, name), tarball);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

module.exports = () => {
  // Node.js 20 reads these certificates whenever it starts, which takes as long as
  // the rest of the start, and no test speaks TLS: its children inherit this.
  delete process.env.NODE_EXTRA_CA_CERTS;
  // Set by scripts/mutants.mjs, which changes the source and builds it.
  if (process.env.KQUEUE_FFI_KEEP_DIST) return;
  if (isBuildStale()) npm('run', '--silent', 'build');
  if (isTarballStale()) pack();
};
