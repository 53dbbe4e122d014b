import { AsyncResource } from 'node:async_hooks';
import { queueMicrotask, setImmediate } from '../host/index.js';
import { onAbort } from './abort-signal.js';
import type { KqueueEvent } from './event.js';
import type { ListenerOptions } from './options.js';
import type { Pump, Waiter } from './pump.js';
import type { Subscription } from './subscription.js';

const throwUncaught = (error: unknown): void => {
  setImmediate(() => {
    throw error;
  });
};

/**
 * Call a listener with each batch of events, in the asynchronous context of
 * this call. If the listener throws, the exception is uncaught, and the
 * listener is still called with the next batch. An error of the queue ends it:
 * `onError` gets the error; without it the error is uncaught as well.
 */
export function listen(
  pump: Pump,
  listener: (events: KqueueEvent[]) => void,
  max: number,
  { signal, onError }: Pick<ListenerOptions, 'signal' | 'onError'> = {},
): Subscription {
  const context = new AsyncResource('KqueueListener');
  let offAbort: (() => void) | undefined;

  const leave = (): void => offAbort?.();
  const waiter: Waiter = {
    max,
    deliver(pending) {
      const events = pending.shiftMany(max);
      // Wait again before the listener can throw.
      pump.add(waiter);
      try {
        context.runInAsyncScope(listener, undefined, events);
      } catch (error) {
        throwUncaught(error);
      }
    },
    fail(error) {
      leave();
      if (onError === undefined) {
        throwUncaught(error);
        return;
      }
      // Later, so that it cannot interfere with a call that found the error.
      queueMicrotask(() => {
        try {
          context.runInAsyncScope(onError, undefined, error as Error);
        } catch (thrown) {
          throwUncaught(thrown);
        }
      });
    },
    end: leave,
  };
  const stop = (): void => {
    leave();
    pump.remove(waiter);
  };

  if (!signal?.aborted) {
    offAbort = onAbort(signal, stop);
    pump.addLater(waiter);
  }
  return { stop, [Symbol.dispose]: stop };
}
