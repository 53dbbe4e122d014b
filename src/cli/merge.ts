/** Requests the next value of a source. */
export type Pull<T> = () => Promise<IteratorResult<T, unknown>>;

/** Sources whose values are yielded as they arrive. */
export interface Merged<T> {
  /** Add a source, at any time. */
  add(pull: Pull<T>): void;
  /** Ends when all sources have ended. */
  readonly values: AsyncGenerator<T>;
}

/** Merge sources. More of them can be added later. */
export function createMerged<T>(): Merged<T> {
  // Results in the order in which they settled. Promise.race would add a
  // reaction per turn to a promise that never settles.
  const settled: { pull: Pull<T>; result: ReturnType<Pull<T>> }[] = [];
  let wake = (): void => {};
  let count = 0;
  const start = (pull: Pull<T>): void => {
    const result = pull();
    const onSettled = (): void => {
      settled.push({ pull, result });
      wake();
    };
    result.then(onSettled, onSettled);
  };
  async function* values(): AsyncGenerator<T> {
    while (count > 0) {
      const next = settled.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const result = await next.result;
      if (result.done) {
        count--;
      } else {
        yield result.value;
        start(next.pull);
      }
    }
  }
  return {
    add(pull) {
      count++;
      start(pull);
    },
    values: values(),
  };
}

/**
 * Merge sources: yield each value as it arrives, until all sources have ended.
 */
export function merge<T>(pulls: readonly Pull<T>[]): AsyncGenerator<T> {
  const { add, values } = createMerged<T>();
  for (const pull of pulls) add(pull);
  return values;
}
