import { clearTimeout, now, setTimeout, type Timer } from '../host/index.js';

/**
 * A timer that never fires early. It does not keep the process alive: the wait
 * that it limits does.
 */
export interface Alarm {
  clear(): void;
}

/**
 * Call a function after a number of milliseconds, late rather than early.
 * setTimeout drops fractions, and counts from the last whole millisecond.
 */
export function setAlarm(ms: number, ring: () => void): Alarm {
  const deadline = now() + ms;
  let timer: Timer;
  const arm = (left: number): void => {
    timer = setTimeout(check, Math.ceil(left));
    timer.unref();
  };
  const check = (): void => {
    const left = deadline - now();
    if (left > 0) arm(left);
    else ring();
  };
  arm(ms);
  return { clear: () => clearTimeout(timer) };
}
