/** Something that will happen, and whether it keeps the process alive. */
export interface Alarm {
  clear(): void;
  reference(referenced: boolean): void;
}

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
    if (left > 0) arm(left);
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
