import { AsyncResource } from 'node:async_hooks';
import type { AbortSignalLike } from './abort-signal.js';
import type { KqueueEvent } from './event.js';
import type { Inbox } from './inbox.js';
import type { Pump, Waiter } from './pump.js';
import type { Subscription } from './subscription.js';

const throwApart = (error: unknown): void => {
  setImmediate(() => {
    throw error;
  });
};

/**
 * Call a listener with whatever is ready, again and again, in the asynchronous
 * context of now. What it throws is an uncaught exception of its own, and it
 * is called again all the same.
 */
export function listen(
  pump: Pump,
  listener: (events: KqueueEvent[]) => void,
  max: number,
  signal?: AbortSignalLike,
): Subscription {
  const context = new AsyncResource('KqueueListener');
  let stopped = false;

  const leave = (): void => {
    stopped = true;
    signal?.removeEventListener('abort', stop);
  };
  const waiter: Waiter = {
    max,
    give(inbox: Inbox) {
      const events = inbox.take(max);
      // At the end of the line again, before anything can throw.
      pump.add(waiter);
      try {
        context.runInAsyncScope(listener, undefined, events);
      } catch (error) {
        throwApart(error);
      }
    },
    fail(error) {
      leave();
      throwApart(error);
    },
    end: leave,
  };
  const stop = (): void => {
    if (stopped) return;
    leave();
    pump.remove(waiter);
  };

  if (signal?.aborted) {
    stopped = true;
  } else {
    signal?.addEventListener('abort', stop);
    pump.addLater(waiter);
  }
  return { stop, [Symbol.dispose]: stop };
}
