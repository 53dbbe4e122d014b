import { hostDialect } from '../host/index.js';
import {
  formatEntries,
  formatItems,
  type InspectOptions,
  itemLimit,
  type KeventMemory,
  LINE_LENGTH,
} from '../memory/index.js';

/**
 * Format a list for util.inspect: its entries as {@link explain} prints them,
 * at most `maxArrayLength`.
 */
export function inspectList(
  list: object,
  memory: KeventMemory,
  depth: number,
  { maxArrayLength, breakLength = LINE_LENGTH }: InspectOptions = {},
): string {
  const { length, capacity } = memory;
  // A class may have any name, or there may be no class.
  const given: unknown = list.constructor?.name;
  const name = typeof given === 'string' ? given : 'KeventList';
  const title = `${name}(${length} of ${capacity})`;
  if (typeof depth === 'number' && depth < 0) return `[${title}]`;
  const limit = itemLimit(maxArrayLength);
  const lines = formatEntries(hostDialect(), memory, length, limit);
  return formatItems(title, lines, breakLength);
}
