type Ask<T> = () => Promise<IteratorResult<T, unknown>>;

interface Answer<T> {
  readonly ask: Ask<T>;
  readonly result: IteratorResult<T, unknown>;
}

/** Values of many sources as they come, until all have ended. */
export async function* together<T>(asks: readonly Ask<T>[]): AsyncGenerator<T> {
  const waiting = new Map<Ask<T>, Promise<Answer<T>>>();
  // Who was served goes to the end of the line.
  const enter = (ask: Ask<T>): void => {
    waiting.delete(ask);
    waiting.set(
      ask,
      ask().then((result) => ({ ask, result })),
    );
  };
  for (const ask of asks) enter(ask);
  while (waiting.size > 0) {
    const { ask, result } = await Promise.race(waiting.values());
    if (result.done) {
      waiting.delete(ask);
    } else {
      yield result.value;
      enter(ask);
    }
  }
}
