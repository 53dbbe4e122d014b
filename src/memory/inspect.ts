/** What util.inspect calls instead of looking inside. */
export const INSPECT: unique symbol = Symbol.for(
  'nodejs.util.inspect.custom',
) as never;

/** What is heeded of the options of util.inspect. */
export interface InspectOptions {
  readonly maxArrayLength?: number | null | undefined;
  readonly breakLength?: number | undefined;
}
