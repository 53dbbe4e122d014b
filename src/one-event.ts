import type { KqueueEvent } from './event.js';
import type { Pump, Waiter } from './pump.js';

/**
 * Wait for one event: `undefined` if time runs out or the queue is closed,
 * a rejection with its reason if the signal is aborted.
 *
 * @param referenced Whether running out of time keeps the process alive.
 */
export function oneEvent(
  pump: Pump,
  signal: AbortSignal | undefined,
  timeout: number | null,
  referenced: boolean,
): Promise<KqueueEvent | undefined> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const leave = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const waiter: Waiter = {
      max: 1,
      give(inbox) {
        leave();
        resolve(inbox.shift());
      },
      fail(error) {
        leave();
        reject(error);
      },
      end() {
        leave();
        resolve(undefined);
      },
    };
    const abort = (): void => {
      pump.remove(waiter);
      waiter.fail(signal?.reason);
    };
    signal?.addEventListener('abort', abort);
    if (timeout !== null) {
      // Late rather than early: setTimeout forgets fractions.
      timer = setTimeout(() => {
        pump.remove(waiter);
        waiter.end();
      }, Math.ceil(timeout));
      if (!referenced) timer.unref();
    }
    pump.add(waiter);
  });
}
