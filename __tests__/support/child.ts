// Node processes of their own that use the built package, for what cannot be
// tried in the process of the tests.
import { join } from 'node:path';
import { type Outcome, root, run } from './built-package.js';

/** The built package, for `require` in a script. */
export const entry = join(root, 'dist/index.cjs');

/** A path or text as a JavaScript literal. */
export const literal = (value: string): string => JSON.stringify(value);

interface Options {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node. */
  readonly flags?: readonly string[];
  /** A shell command that runs before it, such as `ulimit`. */
  readonly first?: string;
}

/**
 * Run a CommonJS script that has the package's exports as `api`, and
 * `print(value)`.
 */
export async function runScript(
  script: string,
  { env = {}, flags = [], first = 'true' }: Options = {},
): Promise<Outcome> {
  const source = `'use strict';
const print = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
const api = require(${literal(entry)});
${script}`;
  const names = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const node = [process.execPath, ...flags, '-e', source];
  const command = `${first} && exec "$@"`;
  return run('sh', ['-c', command, 'sh', 'env', ...names, ...node]);
}

/** What a script printed, value by value; it must end well. */
export async function printed(
  script: string,
  options?: Options,
): Promise<unknown[]> {
  const { stdout, stderr, status } = await runScript(script, options);
  if (status !== 0) throw new Error(`${status}\n${stdout}${stderr}`);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}
