// Much at once, and nothing lost: as much of `npm run load` as takes a moment.
import { root, run } from '../support/built-package.js';
import { onLinux } from '../support/fds.js';

interface Figures {
  readonly count: number;
  readonly seen: number;
}

onLinux(
  'connections, registrations, children and files in numbers: all are told of',
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
