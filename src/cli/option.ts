/** How a shell completes a value or an operand. */
export type Completion =
  | 'file'
  | 'command'
  | 'pid'
  | 'signal'
  | readonly string[];

/** An option, as the parser, the help, the manual and the completions see it. */
export interface Option {
  readonly type: 'boolean' | 'string';
  readonly short?: string;
  /** It may be given more than once. */
  readonly multiple?: boolean;
  /** The name of its value in the help. */
  readonly value?: string;
  /** The effect of the option: a phrase without a full stop. */
  readonly help: string;
  readonly completes?: Completion;
}

export type Options = Readonly<Record<string, Option>>;

/** The option that every command has. */
export const COMMON: Options = {
  help: { type: 'boolean', short: 'h', help: 'print this' },
};

/**
 * Format the names, such as `-n, --count N`, aligned as if each had a short
 * name.
 */
export const formatOption = (
  name: string,
  { short, value }: Option,
  isAligned = false,
): string => {
  const before =
    short === undefined ? (isAligned ? '    ' : '') : `-${short}, `;
  return `${before}--${name}${value === undefined ? '' : ` ${value}`}`;
};
