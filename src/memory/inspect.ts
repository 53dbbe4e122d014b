/** The method that util.inspect calls. */
export const INSPECT: unique symbol = Symbol.for(
  'nodejs.util.inspect.custom',
) as never;

/** The options of util.inspect that are used. */
export interface InspectOptions {
  readonly maxArrayLength?: number | null | undefined;
  readonly breakLength?: number | undefined;
}

/** The defaults of util.inspect: the number of items, and columns of a line. */
const MAX_ITEMS = 100;
export const LINE_LENGTH = 72;

export const itemLimit = (limit: unknown): number => {
  if (limit === null) return Infinity;
  return typeof limit === 'number' && limit >= 0 ? limit : MAX_ITEMS;
};

/** Format items after a title, in one line if they fit. */
export function formatItems(
  title: string,
  items: readonly string[],
  breakLength: number,
): string {
  if (items.length === 0) return `${title} []`;
  const line = `${title} [ ${items.join(', ')} ]`;
  if (line.length <= breakLength) return line;
  return `${title} [\n  ${items.join(',\n  ')}\n]`;
}
