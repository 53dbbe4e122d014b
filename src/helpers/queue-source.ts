import {
  type AbortSignalLike,
  type Change,
  Kqueue,
  type KqueueEvent,
} from '../queue/index.js';
import type { Source } from './event-iterator.js';

/**
 * A signal for one wait, because an AbortController takes as long as the wait
 * itself.
 */
class Cancellation implements AbortSignalLike {
  aborted = false;
  readonly reason = this;
  #listener: (() => void) | undefined;

  addEventListener(_: 'abort', listener: () => void): void {
    this.#listener = listener;
  }

  removeEventListener(): void {
    this.#listener = undefined;
  }

  get isPending(): boolean {
    return this.#listener !== undefined;
  }

  abort(): void {
    this.aborted = true;
    this.#listener?.();
  }
}

/**
 * Create a source with its own queue, so that the kernel counts while no pull
 * is pending.
 *
 * @param toValue The value of an event: `undefined` if there is none. It may
 * change the queue.
 */
export function queueSource<T>(
  changes: readonly Change[],
  toValue: (event: KqueueEvent, kq: Kqueue) => T | undefined,
): Source<T> {
  const kq = new Kqueue();
  let cancellation = new Cancellation();
  let inTime: KqueueEvent | undefined;
  try {
    kq.add(...changes);
  } catch (error) {
    kq.close();
    throw error;
  }
  const nextEvent = async (): Promise<KqueueEvent | undefined> => {
    cancellation = new Cancellation();
    inTime = undefined;
    try {
      return await kq.next({ signal: cancellation });
    } catch (error) {
      if (error !== cancellation) throw error;
      return inTime;
    }
  };
  return {
    async pull() {
      for (;;) {
        const event = await nextEvent();
        if (event === undefined) return undefined;
        const value = toValue(event, kq);
        if (value !== undefined || cancellation.aborted) return value;
      }
    },
    cancel() {
      if (!cancellation.isPending) return;
      try {
        [inTime] = kq.poll({ max: 1 });
      } catch {
        // The pending pull rejects with the error.
        return;
      }
      cancellation.abort();
    },
    close: () => kq.close(),
  };
}
