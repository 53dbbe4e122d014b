// Files of Debian packages, unpacked into a folder without being installed.
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { filledOnce } from './cache.mjs';
import { mustRun, run } from './run.mjs';

/** Debian's name for the CPU of this machine. */
export const HOST_CPU = process.arch === 'x64' ? 'amd64' : process.arch;

export const NEEDS = {
  mmdebstrap: 'mmdebstrap',
  '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring',
};

/**
 * The machine's own mirror of Debian. Without one, as on Ubuntu, mmdebstrap
 * takes its default.
 */
async function mirror() {
  const { out } = await run(
    'apt-get',
    [
      'indextargets',
      '--format',
      '$(ORIGIN) $(REPO_URI)',
      'Created-By: Packages',
    ],
    { minutes: 1 },
  );
  return /^Debian (\S+)$/m.exec(out)?.[1];
}

/**
 * Unpack packages and what they depend on.
 *
 * @param {string} suite a release, such as `trixie`
 * @param {string} cpu Debian's name for it, such as `amd64`
 * @param {readonly string[]} packages
 */
export function unpacked(suite, cpu, packages) {
  const name = [suite, cpu, ...packages].join('-');
  return filledOnce(name, async (folder) => {
    const source = await mirror();
    await mustRun(
      'mmdebstrap',
      [
        '--variant=extract',
        // For a mirror that is behind: testing's lists expire within weeks.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        `--architectures=${cpu}`,
        `--include=${packages.join(',')}`,
        suite,
        folder,
        ...(source === undefined ? [] : [source]),
      ],
      { minutes: 15 },
    );
    linkUsr(folder);
  });
}

/** Since trixie packages have files in /usr only; another one links to them. */
function linkUsr(folder) {
  for (const name of ['bin', 'lib', 'lib64']) {
    const isNeeded = existsSync(join(folder, 'usr', name));
    if (isNeeded && !existsSync(join(folder, name))) {
      symlinkSync(`usr/${name}`, join(folder, name));
    }
  }
}
