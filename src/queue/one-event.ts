import type { AbortSignalLike } from './abort-signal.js';
import { type Alarm, alarm } from './alarm.js';
import type { KqueueEvent } from './event.js';
import type { Pump, Waiter } from './pump.js';

/**
 * Wait for one event: `undefined` if time runs out or the queue is closed,
 * a rejection with its reason if the signal is aborted.
 */
export function oneEvent(
  pump: Pump,
  signal: AbortSignalLike | undefined,
  timeout: number | null,
): Promise<KqueueEvent | undefined> {
  return new Promise((resolve, reject) => {
    let end: Alarm | undefined;
    const leave = (): void => {
      end?.clear();
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
      reference: (referenced) => end?.reference(referenced),
    };
    const abort = (): void => {
      pump.remove(waiter);
      waiter.fail(signal?.reason);
    };
    signal?.addEventListener('abort', abort);
    if (timeout !== null) {
      end = alarm(timeout, () => {
        // What came in time, but was not looked for yet, is not too late.
        pump.turn();
        pump.remove(waiter);
        waiter.end();
      });
    }
    pump.add(waiter);
  });
}
