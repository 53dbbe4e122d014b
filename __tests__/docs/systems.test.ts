// What the documentation says of systems, against what can be installed there: the
// builds of koffi that the lock file has.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/built-package.js';
import { textOf } from '../support/doc-blocks.js';

const lock = JSON.parse(
  readFileSync(join(root, 'package-lock.json'), 'utf8'),
) as { packages: Record<string, unknown> };

/** Such as `darwin-arm64`. */
const builds = new Set(
  Object.keys(lock.packages).flatMap((name) => {
    const build = /^node_modules\/@koromix\/koffi-(.+)$/.exec(name)?.[1];
    return build === undefined ? [] : [build];
  }),
);

const SYSTEMS = {
  macOS: 'darwin',
  FreeBSD: 'freebsd',
  OpenBSD: 'openbsd',
  NetBSD: 'netbsd',
  DragonFly: 'dragonfly',
  Linux: 'linux',
  Windows: 'win32',
} as const;
const CPUS = ['x64', 'arm64', 'riscv64', 'loong64'];

/** The rows of a page's table of systems: its first cell, and the rest. */
const rowsOf = (page: string) =>
  textOf(page)
    .split('\n')
    .filter((line) => /^\| [^-]/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, where = '', ...rest]) => ({ where, said: rest.join(' ') }))
    .filter(({ where }) =>
      Object.keys(SYSTEMS).some((name) => where.includes(name)),
    );

describe.each(['README.md', 'docs/installing.md'])('%s', (page) => {
  const rows = rowsOf(page);

  test('lists only systems for which koffi has a build', () => {
    const missing = rows
      .filter(({ said }) => !said.includes('not supported today'))
      .flatMap(({ where }) => {
        const cpus = CPUS.filter((cpu) => where.includes(cpu));
        return Object.entries(SYSTEMS)
          .filter(([name]) => where.includes(name))
          .flatMap(([, system]) =>
            (cpus.length > 0 ? cpus : ['x64']).map((cpu) => `${system}-${cpu}`),
          );
      })
      .filter((build) => !builds.has(build));
    expect(rows.length).toBeGreaterThan(3);
    expect(missing).toEqual([]);
  });

  test('names the systems that are unsupported because koffi has no build', () => {
    const without = Object.entries(SYSTEMS)
      .filter(([, system]) => !builds.has(`${system}-x64`))
      .map(([name]) => name);
    expect(without).toEqual(['NetBSD', 'DragonFly']);
    for (const name of without) {
      const own = rows.filter(({ where }) => where.includes(name));
      expect(own.length).toBeGreaterThan(0);
      for (const { said } of own) expect(said).toContain('not supported today');
    }
  });
});

test('names the oldest release of each system', () => {
  const [, table = ''] = textOf('docs/macs.md').split('## The oldest releases');
  for (const name of ['macOS', 'FreeBSD', 'OpenBSD', 'NetBSD', 'Linux']) {
    expect(table).toMatch(new RegExp(`^\\| ${name} \\| \\d+`, 'm'));
  }
});
