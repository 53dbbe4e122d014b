import { clearTimeout, now, setTimeout, type Timer } from '../host/index.js';

/** A timer that never fires early. */
export interface Alarm {
  clear(): void;
  /** Whether it keeps the process alive. */
  setRef(isReferenced: boolean): void;
}

/**
 * Call a function after a number of milliseconds, late rather than early.
 * setTimeout drops fractions, and counts from the last whole millisecond.
 */
export function setAlarm(ms: number, ring: () => void): Alarm {
  const deadline = now() + ms;
  let isReferenced = true;
  let timer: Timer;
  const arm = (left: number): void => {
    timer = setTimeout(check, Math.ceil(left));
    if (!isReferenced) timer.unref();
  };
  const check = (): void => {
    const left = deadline - now();
    if (left > 0) arm(left);
    else ring();
  };
  arm(ms);
  return {
    clear: () => clearTimeout(timer),
    setRef(referenced) {
      isReferenced = referenced;
      if (referenced) timer.ref();
      else timer.unref();
    },
  };
}
