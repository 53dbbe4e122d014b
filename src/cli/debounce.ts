/** A burst that never ends is cut after so many times its pause. */
const MAX_PAUSES = 10;

/** Whether a promise settles within a time. */
async function settlesWithin(
  promise: Promise<unknown>,
  ms: number,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const settled = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([settled, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Group values: a burst is over when no value came for a time, or after ten
 * times that.
 *
 * @param pause In milliseconds; 0 makes each value a burst.
 * @param onValue Called with each value as it comes, and whether it is the first
 * of its burst.
 * @returns The last value of each burst.
 */
export async function* debounce<T>(
  values: AsyncIterable<T>,
  pause: number,
  onValue: (value: T, isFirst: boolean) => void,
): AsyncGenerator<T> {
  const iterator = values[Symbol.asyncIterator]();
  const pull = (): Promise<IteratorResult<T>> => {
    const result = iterator.next();
    // Nobody may wait for it any more when it fails.
    result.catch(() => {});
    return result;
  };
  try {
    for (let next = pull(); ; ) {
      let result = await next;
      if (result.done) return;
      onValue(result.value, true);
      let last = result.value;
      if (pause === 0) {
        yield last;
        next = pull();
        continue;
      }
      const end = performance.now() + MAX_PAUSES * pause;
      next = pull();
      for (;;) {
        const left = end - performance.now();
        if (!(await settlesWithin(next, Math.min(pause, left)))) break;
        result = await next;
        if (result.done) break;
        last = result.value;
        onValue(last, false);
        next = pull();
        if (left <= 0) break;
      }
      yield last;
    }
  } finally {
    // A pull that is pending delays it: nobody waits for it.
    iterator.return?.().catch(() => {});
  }
}
