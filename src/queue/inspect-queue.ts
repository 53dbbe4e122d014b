import { hostDialect } from '../host/index.js';
import {
  formatItems,
  formatKevent,
  type InspectOptions,
  itemLimit,
  type KeventLike,
  LINE_LENGTH,
} from '../memory/index.js';

/** Format a queue for util.inspect: its registrations, oldest first. */
export function inspectQueue(
  queue: { readonly fd: number; readonly closed: boolean; size: number },
  requests: Iterable<KeventLike>,
  depth: number,
  { maxArrayLength, breakLength = LINE_LENGTH }: InspectOptions = {},
): string {
  if (queue.closed) return `Kqueue(fd ${queue.fd}, closed)`;
  const title = `Kqueue(fd ${queue.fd})`;
  if (typeof depth === 'number' && depth < 0) return `[${title}]`;
  const facts = hostDialect();
  const limit = itemLimit(maxArrayLength);
  const items: string[] = [];
  for (const request of requests) {
    if (items.length >= limit) {
      items.push(`… ${queue.size - items.length} more`);
      break;
    }
    items.push(formatKevent(facts, request));
  }
  return formatItems(title, items, breakLength);
}
