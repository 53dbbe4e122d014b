// Half a minute of `npm run soak`, beside the other tests: see docs/reliability.md.
import { spawn } from 'node:child_process';
import { root } from '../support/built-package.js';
import { onLinux } from '../support/fds.js';

const SEED = 7;
const MINUTES = 0.5;

// It has a low priority, so a busy machine delays it.
jest.setTimeout(300_000);

onLinux(
  'half a minute of everything at once keeps every promise and leaks nothing',
  async () => {
    const tsx = 'node_modules/tsx/dist/cli.mjs';
    const { execPath } = process;
    const options = ['--minutes', `${MINUTES}`, '--seed', `${SEED}`];
    // The other tests come first.
    const args = ['-n', '15', execPath, tsx, 'soak/index.ts', ...options];
    const child = spawn('nice', args, { cwd: root, stdio: 'pipe' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    const code = await new Promise((resolve) => child.on('close', resolve));
    if (code !== 0) throw new Error(`${code}\n${output}`);
    expect(output).toContain('all promises were kept');
  },
);
