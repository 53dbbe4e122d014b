// Node processes of their own that use the built package, for what cannot be
// tried in the process of the tests.
import { join } from 'node:path';
import { type Outcome, root, run } from './built-package.js';
import { inTurn } from './in-turn.js';

/** The built package, for `require` in a program. */
export const entry = join(root, 'dist/index.cjs');

interface Options {
  /** Arguments of the program. */
  readonly args?: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Options of node. */
  readonly flags?: readonly string[];
  /** A shell command that runs before it, such as `ulimit`. */
  readonly first?: string;
  /** It is killed after so many seconds. */
  readonly seconds?: number;
}

/** Run node on its own, where `first` and the options say. */
function runNode(
  args: readonly string[],
  { env = {}, flags = [], first, seconds }: Options,
): Promise<Outcome> {
  const names = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const node = [...flags, ...args];
  const inEnv = ['env', ...names, process.execPath, ...node];
  const [file, ...rest] =
    first !== undefined
      ? ['sh', '-c', `${first} && exec "$@"`, 'sh', ...inEnv]
      : names.length > 0
        ? inEnv
        : [process.execPath, ...node];
  return run(file, rest, undefined, undefined, seconds);
}

/** Run a program of the file `__tests__/fixtures/${file}.cjs`. */
export const runProgram = (
  file: string,
  program: string,
  options: Options = {},
): Promise<Outcome> =>
  runNode(
    [
      join(root, `__tests__/fixtures/${file}.cjs`),
      program,
      ...(options.args ?? []),
    ],
    options,
  );

const LINE_PRELUDE = `'use strict';
const { api, print } = require(${JSON.stringify(join(root, '__tests__/fixtures/program.cjs'))});
`;

/** Run a line that has the package's exports as `api`, and `print(value)`. */
export const runLine = (
  line: string,
  options: Options = {},
): Promise<Outcome> => runNode(['-e', `${LINE_PRELUDE}${line}`], options);

/** The values that a program printed; it must exit with 0. */
async function valuesOf(running: Promise<Outcome>): Promise<unknown[]> {
  const { stdout, stderr, status } = await running;
  if (status !== 0) throw new Error(`${status}\n${stdout}${stderr}`);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

/** The values that a program file printed. */
export const printedBy = (
  file: string,
  program: string,
  options?: Options,
): Promise<unknown[]> => valuesOf(runProgram(file, program, options));

/** The values that one line of code printed. */
export const printedByLine = (
  line: string,
  options?: Options,
): Promise<unknown[]> => valuesOf(runLine(line, options));

/**
 * Programs of a file that one process runs one after the other, each until it has
 * nothing more to do. For those that share well: no end of the process on purpose,
 * and nothing of it left changed.
 */
export function together<Name extends string>(
  file: string,
  names: readonly Name[],
  options?: Options,
): {
  outcomeOf(name: Name): Promise<Outcome>;
  printedBy(name: Name): Promise<unknown[]>;
} {
  let outcomes: Promise<Outcome[]> | undefined;
  const outcomeOf = async (name: Name): Promise<Outcome> => {
    outcomes ??= inTurn(names, (some) =>
      runProgram(file, some.join(), { seconds: 60, ...options }),
    );
    return (await outcomes)[names.indexOf(name)];
  };
  return { outcomeOf, printedBy: (name) => valuesOf(outcomeOf(name)) };
}
