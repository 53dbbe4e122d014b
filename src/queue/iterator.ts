import type { AbortSignalLike } from './abort-signal.js';
import type { Inbox } from './inbox.js';
import type { Pump, Waiter } from './pump.js';

const done = (value: unknown): IteratorReturnResult<unknown> => ({
  done: true,
  value,
});

/**
 * Iterate over what `take` takes of the inbox, waiting where there is nothing.
 * Written by hand: a generator costs as much as the events.
 *
 * Nothing is taken before it is asked for, so whatever ends the loop, the
 * events that it has not seen stay where they are. The iterator ends when the
 * queue is closed, and rejects, then ends, when the signal is aborted.
 */
export function iterate<Value>(
  pump: Pump,
  inbox: Inbox,
  max: number,
  take: (inbox: Inbox) => Value,
  isClosed: () => boolean,
  signal?: AbortSignalLike,
): AsyncIterableIterator<Value> {
  const pending = new Set<Waiter>();
  let ended = false;

  const wait = (): Promise<IteratorResult<Value>> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        pending.delete(waiter);
        signal?.removeEventListener('abort', abort);
      };
      const waiter: Waiter = {
        max,
        give(from) {
          leave();
          resolve({ done: false, value: take(from) });
        },
        fail(error) {
          leave();
          ended = true;
          reject(error);
        },
        end() {
          leave();
          ended = true;
          resolve(done(undefined));
        },
      };
      const abort = (): void => {
        pump.remove(waiter);
        waiter.fail(signal?.reason);
      };
      signal?.addEventListener('abort', abort);
      pending.add(waiter);
      pump.add(waiter);
    });

  const finish = (): void => {
    ended = true;
    for (const waiter of [...pending]) {
      pump.remove(waiter);
      waiter.end();
    }
  };

  return {
    next() {
      if (ended || isClosed()) return Promise.resolve(done(undefined));
      if (signal?.aborted) {
        ended = true;
        return Promise.reject(signal.reason);
      }
      try {
        if (pump.tryTake(max)) {
          return Promise.resolve({ done: false, value: take(inbox) });
        }
      } catch (error) {
        ended = true;
        return Promise.reject(error);
      }
      return wait();
    },
    return(value) {
      finish();
      return Promise.resolve(done(value));
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
