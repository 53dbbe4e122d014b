import { type AbortSignalLike, onAbort } from './abort-signal.js';
import type { PendingEvents } from './pending-events.js';
import type { Pump, Waiter } from './pump.js';
import { WaitList } from './wait-list.js';

const doneResult = (value: unknown): IteratorReturnResult<unknown> => ({
  done: true,
  value,
});

/** The state that all calls of `next` of one iterator share. */
interface Iteration<Value> {
  readonly max: number;
  readonly shift: (events: PendingEvents) => Value;
  readonly waits: WaitList<Wait<Value>>;
  hasEnded: boolean;
}

/** A call of `next` that waits. It is a class: closures would cost memory. */
class Wait<Value> implements Waiter {
  readonly max: number;
  readonly #iteration: Iteration<Value>;
  readonly #resolve: (result: IteratorResult<Value>) => void;
  readonly #reject: (error: unknown) => void;
  /** Removes the listener of the signal, if there is one. */
  offAbort: (() => void) | undefined;

  constructor(
    iteration: Iteration<Value>,
    resolve: (result: IteratorResult<Value>) => void,
    reject: (error: unknown) => void,
  ) {
    this.max = iteration.max;
    this.#iteration = iteration;
    this.#resolve = resolve;
    this.#reject = reject;
    iteration.waits.add(this);
  }

  deliver(pending: PendingEvents): void {
    this.#leave();
    this.#resolve({ done: false, value: this.#iteration.shift(pending) });
  }

  fail(error: unknown): void {
    this.#leave();
    this.#iteration.hasEnded = true;
    this.#reject(error);
  }

  end(): void {
    this.#leave();
    this.#resolve(doneResult(undefined));
  }

  #leave(): void {
    this.#iteration.waits.delete(this);
    this.offAbort?.();
  }
}

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
  const iteration: Iteration<Value> = {
    max,
    shift,
    waits: new WaitList(),
    hasEnded: false,
  };

  const wait = (): Promise<IteratorResult<Value>> =>
    new Promise((resolve, reject) => {
      const waiter = new Wait(iteration, resolve, reject);
      if (signal !== undefined) {
        waiter.offAbort = onAbort(signal, () => {
          pump.remove(waiter);
          waiter.fail(signal.reason);
        });
      }
      pump.add(waiter);
    });

  const finish = (): void => {
    iteration.hasEnded = true;
    for (const waiter of iteration.waits.all()) {
      pump.remove(waiter);
      waiter.end();
    }
  };

  return {
    next() {
      if (iteration.hasEnded) return Promise.resolve(doneResult(undefined));
      try {
        if (isClosed()) return Promise.resolve(doneResult(undefined));
        if (signal?.aborted) throw signal.reason;
        if (pump.tryCollect(max)) {
          return Promise.resolve({ done: false, value: shift(events) });
        }
      } catch (error) {
        iteration.hasEnded = true;
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
