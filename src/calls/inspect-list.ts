import { hostDialect } from '../host/dialect.js';
import { type InspectOptions, LINE, limitOf, show } from '../memory/inspect.js';
import type { KeventMemory } from '../memory/kevent-memory.js';
import { linesOf } from '../memory/kevent-text.js';

/**
 * Show a list for util.inspect: its entries as {@link explain} has them, as
 * many as `maxArrayLength` allows.
 */
export function inspectList(
  list: object,
  memory: KeventMemory,
  depth: number,
  { maxArrayLength, breakLength = LINE }: InspectOptions = {},
): string {
  const { length, capacity } = memory;
  // A class may call itself anything, or be none.
  const given: unknown = list.constructor?.name;
  const name = typeof given === 'string' ? given : 'KeventList';
  const title = `${name}(${length} of ${capacity})`;
  if (typeof depth === 'number' && depth < 0) return `[${title}]`;
  const limit = limitOf(maxArrayLength);
  const lines = linesOf(hostDialect(), memory, length, limit);
  return show(title, lines, breakLength);
}
