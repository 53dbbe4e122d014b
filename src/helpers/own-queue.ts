import { type Change, Kqueue, type KqueueEvent } from '../queue/index.js';
import type { Source } from './event-iterator.js';

/**
 * A source with a queue of its own, for what the kernel counts while nobody
 * asks.
 *
 * @param toValue What to make of an event: `undefined` if it is none to tell.
 */
export function ownQueue<T>(
  changes: readonly Change[],
  toValue: (event: KqueueEvent) => T | undefined,
): Source<T> {
  const kq = new Kqueue();
  try {
    kq.add(...changes);
  } catch (error) {
    kq.close();
    throw error;
  }
  return {
    async pull() {
      for (;;) {
        const event = await kq.next();
        if (event === undefined) return undefined;
        const value = toValue(event);
        if (value !== undefined) return value;
      }
    },
    close: () => kq.close(),
  };
}
