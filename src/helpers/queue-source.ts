import { type Change, Kqueue, type KqueueEvent } from '../queue/index.js';
import type { Source } from './event-iterator.js';

/**
 * Create a source with a queue of its own: the kernel goes on counting while no
 * pull is pending.
 *
 * @param toValue The value of an event: `undefined` if there is none.
 */
export function queueSource<T>(
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
