// The TypeScript compiler in a child process.
import { join } from 'node:path';
import { mustRun, root } from './built-package.js';

/** A program, as a tsconfig.json in its folder would have it. */
export interface Compilation {
  readonly folder: string;
  readonly files: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

const COMPILER = join(root, '__tests__/fixtures/package/compile.cjs');

/** Compile programs; what the compiler says of each, which is nothing at best. */
export async function compile(
  programs: readonly Compilation[],
): Promise<string[]> {
  const input = JSON.stringify(programs);
  const node = process.execPath;
  const { stdout } = await mustRun(node, [COMPILER], root, input, 90);
  return JSON.parse(stdout) as string[];
}
