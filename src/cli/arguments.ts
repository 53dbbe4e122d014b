import { parseArgs } from 'node:util';
import { type KernelName, kernels } from '../abi.js';
import { kernel } from '../index.js';
import { UsageError } from './failure.js';
import { COMMON, type Option, type Options } from './option.js';
import { suggest } from './suggestion.js';

/** The arguments after the name of a command. */
export interface Parsed {
  readonly values: Readonly<
    Record<string, string | boolean | readonly string[] | undefined>
  >;
  readonly operands: readonly string[];
}

/** Marks a negative number, which would be parsed as an option. */
const SIGN = '\u0000';

const plain = (text: string): string => text.replace(SIGN, '');

/** Parse arguments: options may stand anywhere, negative numbers are operands. */
export function parse(args: readonly string[], own: Options): Parsed {
  const options = { ...COMMON, ...own };
  try {
    const { values, positionals } = parseArgs({
      args: args.map((arg) => (/^-\d/.test(arg) ? SIGN + arg : arg)),
      options,
      allowPositionals: true,
    });
    return {
      values: Object.fromEntries(
        Object.entries(values).map(([name, value]) => [
          name,
          typeof value === 'string'
            ? plain(value)
            : Array.isArray(value)
              ? value.map((each) => plain(String(each)))
              : Boolean(value),
        ]),
      ),
      operands: positionals.map(plain),
    };
  } catch (error) {
    // Keep only the first sentence: the others are about escaping.
    const { message } = error as Error;
    const [sentence] = message.split('. ');
    const [, unknown] = /^Unknown option '--([^'=]+)/.exec(message) ?? [];
    const hint =
      unknown === undefined ? '' : suggest(unknown, Object.keys(options));
    throw new UsageError(
      `${sentence.replace(SIGN, '')}${hint.replace(" '", " '--")}`,
    );
  }
}

/** The value of an option that takes one. */
export function optionText(
  { values }: Parsed,
  name: string,
): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** The values of an option that may be given more than once. */
export function optionTexts(
  { values }: Parsed,
  name: string,
): readonly string[] {
  const value = values[name];
  return Array.isArray(value) ? value : [];
}

/** The units, in milliseconds. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
  d: 86400e3,
};

/** The longest wait of an event-loop timer. */
export const MAX_DURATION = 0x7fffffff;

/** The syntax of a duration, for the help. */
export const DURATION_HELP =
  'A duration has a unit: 100us, 250ms, 1.5s, 2m, 1h, 1d. The maximum is 24d.';

/** A duration such as `250ms` in milliseconds. */
export function parseDuration(given: string, what: string): number {
  const found = /^(\d+(?:\.\d*)?|\.\d+)(ns|us|ms|s|m|h|d)$/.exec(given);
  if (found === null) {
    throw new UsageError(
      `${what} must be a number with a unit, such as 250ms, 1.5s, 2m or 1h: not '${given}'`,
    );
  }
  const ms = Number(found[1]) * UNITS[found[2]];
  if (!(ms > 0 && ms <= MAX_DURATION)) {
    throw new UsageError(`${what} must be more than 0 and at most 24d`);
  }
  return ms;
}

/** A pause: a duration, or a number of milliseconds, which may be 0. */
export const parsePause = (given: string, what: string): number =>
  /^\d+$/.test(given)
    ? parseInteger(given, what, 0, MAX_DURATION)
    : parseDuration(given, what);

/** A whole number in a range. */
export function parseInteger(
  given: string,
  what: string,
  low: number,
  high: number,
): number {
  const number = /^\d+$/.test(given) ? Number(given) : Number.NaN;
  if (!(number >= low && number <= high)) {
    throw new UsageError(
      `${what} must be a whole number from ${low} to ${high}: not '${given}'`,
    );
  }
  return number;
}

/** Check the number of operands. */
export function exactOperands<Count extends 0 | 1>(
  { operands }: Parsed,
  count: Count,
  what: string,
): Count extends 1 ? string : undefined {
  if (operands.length < count) throw new UsageError(`${what} is missing`);
  if (operands.length > count) {
    throw new UsageError(`unexpected argument '${operands[count]}'`);
  }
  return operands[0] as Count extends 1 ? string : undefined;
}

/** Check that there is at least one operand. */
export function manyOperands(
  { operands }: Parsed,
  what: string,
): readonly string[] {
  if (operands.length === 0) throw new UsageError(`${what} is missing`);
  return operands;
}

/** The option that names a kernel. */
export const KERNEL_OPTION: Option = {
  type: 'string',
  value: 'NAME',
  help: `${Object.keys(kernels)
    .join(', ')
    .replace(
      /, (?=\w+$)/,
      ' or ',
    )}; by default the kernel whose numbers are in use`,
  completes: Object.keys(kernels),
};

/** The kernel of `--kernel`; by default the kernel whose numbers are in use. */
export function chosenKernel(parsed: Parsed): KernelName {
  const name = optionText(parsed, 'kernel');
  if (name === undefined) return kernel.abi;
  if (Object.hasOwn(kernels, name)) return name as KernelName;
  throw new UsageError(
    `--kernel must be one of ${Object.keys(kernels).join(', ')}: not '${name}'${suggest(name, Object.keys(kernels))}`,
  );
}
