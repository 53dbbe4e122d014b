import { hostDialect } from '../host/dialect.js';
import type { InspectOptions } from '../memory/inspect.js';
import type { KeventMemory } from '../memory/kevent-memory.js';
import { type KeventLike, lineOf, linesOf } from '../memory/kevent-text.js';

/** What util.inspect shows at most, and in a line, if nobody says otherwise. */
const MAX_ITEMS = 100;
const LINE = 72;

const limitOf = (limit: unknown): number => {
  if (limit === null) return Infinity;
  return typeof limit === 'number' && limit >= 0 ? limit : MAX_ITEMS;
};

/** Items behind a title, in one line if they fit. */
function show(
  title: string,
  items: readonly string[],
  breakLength: number,
): string {
  if (items.length === 0) return `${title} []`;
  const line = `${title} [ ${items.join(', ')} ]`;
  if (line.length <= breakLength) return line;
  return `${title} [\n  ${items.join(',\n  ')}\n]`;
}

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

/** Show a queue for util.inspect: what is registered with it, oldest first. */
export function inspectQueue(
  queue: { readonly fd: number; readonly closed: boolean; size: number },
  requests: Iterable<KeventLike>,
  depth: number,
  { maxArrayLength, breakLength = LINE }: InspectOptions = {},
): string {
  if (queue.closed) return `Kqueue(fd ${queue.fd}, closed)`;
  const title = `Kqueue(fd ${queue.fd})`;
  if (typeof depth === 'number' && depth < 0) return `[${title}]`;
  const facts = hostDialect();
  const limit = limitOf(maxArrayLength);
  const items: string[] = [];
  for (const request of requests) {
    if (items.length >= limit) {
      items.push(`… ${queue.size - items.length} more`);
      break;
    }
    items.push(lineOf(facts, request));
  }
  return show(title, items, breakLength);
}
