import { type AbortSignalLike, onAbort } from './abort-signal.js';
import { type Alarm, setAlarm } from './alarm.js';
import type { KqueueEvent } from './event.js';
import type { Pump, Waiter } from './pump.js';

/**
 * Wait for one event. Resolves with `undefined` if the time runs out or the
 * queue is closed, and rejects with the signal's reason.
 */
export function waitForEvent(
  pump: Pump,
  signal: AbortSignalLike | undefined,
  timeout: number | null,
): Promise<KqueueEvent | undefined> {
  return new Promise((resolve, reject) => {
    let timer: Alarm | undefined;
    const leave = (): void => {
      timer?.clear();
      offAbort();
    };
    const waiter: Waiter = {
      max: 1,
      deliver(pending) {
        leave();
        resolve(pending.shift());
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
    const offAbort = onAbort(signal, abort);
    if (timeout !== null) {
      timer = setAlarm(timeout, () => {
        // An event that is pending in the kernel came in time.
        pump.runTurn();
        pump.remove(waiter);
        waiter.end();
      });
    }
    pump.add(waiter);
  });
}
