/** A timer that does not fire early. */
export interface Alarm {
  clear(): void;
  /** Whether it keeps the process alive. */
  setRef(isReferenced: boolean): void;
}

/** The clock of setTimeout is never further ahead than this. */
const MAX_EARLY_MS = 2;

/**
 * Call a function after so many milliseconds: late rather than early.
 * setTimeout itself drops fractions and counts from the last whole millisecond.
 */
export function setAlarm(ms: number, ring: () => void): Alarm {
  const deadline = performance.now() + ms;
  let isReferenced = true;
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    timer = setTimeout(check, Math.ceil(left));
    if (!isReferenced) timer.unref();
  };
  const check = (): void => {
    const left = deadline - performance.now();
    // If it is further off, setTimeout runs on another clock, such as a test's.
    if (left > 0 && left < MAX_EARLY_MS) arm(left);
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
