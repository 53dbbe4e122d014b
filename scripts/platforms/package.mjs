// A user's project with this package: dist/, koffi, and koffi's build for one
// CPU, besides the scripts that test it.
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filledOnce } from './cache.mjs';
import { mustRun } from './run.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Of koffi, for those who compile it. */
const NOT_NEEDED = new Set(['vendor', 'doc']);

/** The scripts that try the package there. */
const SCRIPTS = ['scripts/runtime-core.mjs', 'scripts/platforms/guest'];

const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** koffi's build for a CPU by Node's name for it, in the version of the lock. */
async function koffiBuild(cpu) {
  const name = `@koromix/koffi-linux-${cpu}`;
  const installed = join(root, 'node_modules', name);
  if (existsSync(installed)) return installed;
  const { version } = read('node_modules/koffi/package.json');
  const folder = await npmPackage(`${name}@${version}`);
  return join(folder, 'package');
}

/** A package of npm, unpacked for any CPU. */
export function npmPackage(spec) {
  const name = spec.replace(/[@/]+/g, '-').replace(/^-/, '');
  return filledOnce(`npm-${name}`, async (folder) => {
    const args = ['pack', '--silent', '--ignore-scripts', spec];
    const out = await mustRun('npm', args, { minutes: 5, cwd: folder });
    const file = out.trim().split('\n').at(-1);
    await mustRun('tar', ['-xzf', file], { minutes: 1, cwd: folder });
  });
}

/** Put the package into a folder, as it would run on a CPU. */
export async function putPackage(folder, cpu) {
  const koffi = await koffiBuild(cpu);
  mkdirSync(join(folder, 'node_modules/@koromix'), { recursive: true });
  for (const name of ['dist', 'package.json', ...SCRIPTS]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  cpSync(join(root, 'node_modules/koffi'), join(folder, 'node_modules/koffi'), {
    recursive: true,
    filter: (path) => !NOT_NEEDED.has(basename(path)),
  });
  const build = join(folder, 'node_modules/@koromix', `koffi-linux-${cpu}`);
  cpSync(koffi, build, { recursive: true });
}
