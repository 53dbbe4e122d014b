import { type AbortSignalLike, onAbort } from './abort-signal.js';
import type { PendingEvents } from './pending-events.js';
import type { Pump, Waiter } from './pump.js';

const doneResult = (value: unknown): IteratorReturnResult<unknown> => ({
  done: true,
  value,
});

/**
 * Iterate over the pending events that `shift` removes, and wait while there
 * are none. It is hand-written, because a generator costs as much as the
 * events.
 *
 * An event is removed only when `next` is called, so events that the loop has
 * not seen stay pending. The iterator ends when the queue is closed. When the
 * signal is aborted, it rejects and then ends.
 */
export function iterate<Value>(
  pump: Pump,
  events: PendingEvents,
  max: number,
  shift: (events: PendingEvents) => Value,
  isClosed: () => boolean,
  signal?: AbortSignalLike,
): AsyncIterableIterator<Value> {
  const waiters = new Set<Waiter>();
  let hasEnded = false;

  const wait = (): Promise<IteratorResult<Value>> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        waiters.delete(waiter);
        offAbort();
      };
      const waiter: Waiter = {
        max,
        deliver(pending) {
          leave();
          resolve({ done: false, value: shift(pending) });
        },
        fail(error) {
          leave();
          hasEnded = true;
          reject(error);
        },
        end() {
          leave();
          hasEnded = true;
          resolve(doneResult(undefined));
        },
      };
      const abort = (): void => {
        pump.remove(waiter);
        waiter.fail(signal?.reason);
      };
      const offAbort = onAbort(signal, abort);
      waiters.add(waiter);
      pump.add(waiter);
    });

  const finish = (): void => {
    hasEnded = true;
    for (const waiter of [...waiters]) {
      pump.remove(waiter);
      waiter.end();
    }
  };

  return {
    next() {
      if (hasEnded) return Promise.resolve(doneResult(undefined));
      try {
        if (isClosed()) return Promise.resolve(doneResult(undefined));
        if (signal?.aborted) throw signal.reason;
        if (pump.tryCollect(max)) {
          return Promise.resolve({ done: false, value: shift(events) });
        }
      } catch (error) {
        hasEnded = true;
        return Promise.reject(error);
      }
      return wait();
    },
    return(value) {
      finish();
      return Promise.resolve(doneResult(value));
    },
    throw(error) {
      finish();
      return Promise.reject(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
