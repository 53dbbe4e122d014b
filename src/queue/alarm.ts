/** Something that will happen, and whether it keeps the process alive. */
export interface Alarm {
  clear(): void;
  reference(referenced: boolean): void;
}

/** More than the clock of setTimeout is ever ahead. */
const EARLY_MS = 2;

/**
 * Call when so many milliseconds are over: late rather than early. setTimeout
 * by itself forgets fractions, and counts from the last whole millisecond.
 */
export function alarm(ms: number, ring: () => void): Alarm {
  const deadline = performance.now() + ms;
  let isReferenced = true;
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    timer = setTimeout(check, Math.ceil(left));
    if (!isReferenced) timer.unref();
  };
  const check = (): void => {
    const left = deadline - performance.now();
    // Further off it is by another clock, such as a test's.
    if (left > 0 && left < EARLY_MS) arm(left);
    else ring();
  };
  arm(ms);
  return {
    clear: () => clearTimeout(timer),
    reference(referenced) {
      isReferenced = referenced;
      if (referenced) timer.ref();
      else timer.unref();
    },
  };
}
