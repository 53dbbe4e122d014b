/** A burst ends after so many times its pause, even if values keep coming. */
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
 * Group values into bursts. A burst ends when there was no value for a pause,
 * or after ten pauses.
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
    // If it fails later, nothing handles the rejection.
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
    // A pending pull delays it, and nothing waits for it.
    iterator.return?.().catch(() => {});
  }
}
