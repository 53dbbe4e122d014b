import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EXIT, Failure } from './failure.js';

const SUITE = '__tests__/conformance/run.ts';

/** The result of the suite. */
interface Conformance {
  readonly code: number;
  /** The report of the suite. */
  readonly report: unknown;
}

/**
 * The folder of the suite: that of this package, if it is a checkout.
 *
 * @throws {Failure} If it is not.
 */
function checkout(): string {
  const own = createRequire(import.meta.url).resolve('kqueue-ffi/package.json');
  const root = dirname(own);
  if (!existsSync(join(root, SUITE))) {
    throw new Failure(
      'the conformance suite is not part of the installed package. Clone the repository of kqueue-ffi, then run there: npm ci && npm run conformance',
    );
  }
  if (!existsSync(join(root, 'node_modules/tsx'))) {
    throw new Failure(
      `the conformance suite needs its tools first: run npm ci in ${root}`,
    );
  }
  return root;
}

/** Run the suite, which prints its table. */
export async function conformance(): Promise<Conformance> {
  const root = checkout();
  const out = mkdtempSync(join(tmpdir(), 'kq-conformance-'));
  try {
    const child = spawn(process.execPath, ['--import', 'tsx', SUITE, out], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: false,
    });
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status) => resolve(status ?? EXIT.failure));
    });
    const file = readdirSync(out).find((name) => name.endsWith('.json'));
    const report: unknown =
      file === undefined
        ? undefined
        : JSON.parse(readFileSync(join(out, file), 'utf8'));
    return { code, report };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
