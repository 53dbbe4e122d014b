type Pull<T> = () => Promise<IteratorResult<T, unknown>>;

/** Merge sources: yield each value as it comes, until all sources have ended. */
export async function* merge<T>(pulls: readonly Pull<T>[]): AsyncGenerator<T> {
  // In the order in which they settled. Promise.race would add a reaction per
  // turn to a promise that never settles.
  const settled: { pull: Pull<T>; result: ReturnType<Pull<T>> }[] = [];
  let wake = (): void => {};
  const start = (pull: Pull<T>): void => {
    const result = pull();
    const onSettled = (): void => {
      settled.push({ pull, result });
      wake();
    };
    result.then(onSettled, onSettled);
  };
  for (const pull of pulls) start(pull);
  for (let left = pulls.length; left > 0; ) {
    const next = settled.shift();
    if (next === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    const result = await next.result;
    if (result.done) {
      left--;
    } else {
      yield result.value;
      start(next.pull);
    }
  }
}
