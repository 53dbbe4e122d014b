// Large numbers lose no event: the small sizes of `npm run load`.
import { root, run } from '../support/built-package.js';
import { onLinux } from '../support/fds.js';

interface Figures {
  readonly count: number;
  readonly seen: number;
}

onLinux(
  'large numbers of connections, registrations, children and files lose no event',
  async () => {
    const tsx = 'node_modules/tsx/dist/cli.mjs';
    const { stdout, stderr, status } = await run(
      process.execPath,
      [tsx, 'soak/load/index.ts', '--small', '--json'],
      root,
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const all: Record<string, Figures> = JSON.parse(stdout);
    expect(Object.keys(all)).toHaveLength(6);
    for (const { count, seen } of Object.values(all)) {
      expect(count).toBeGreaterThan(0);
      expect(seen).toBe(count);
    }
  },
);
