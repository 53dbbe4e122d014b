type Ask<T> = () => Promise<IteratorResult<T, unknown>>;

/** Values of many sources as they come, until all have ended. */
export async function* together<T>(asks: readonly Ask<T>[]): AsyncGenerator<T> {
  // Who asked of each, in the order of the answers. Not by Promise.race: what
  // never comes would remember every turn.
  const answered: { ask: Ask<T>; answer: ReturnType<Ask<T>> }[] = [];
  let wake = (): void => {};
  const enter = (ask: Ask<T>): void => {
    const answer = ask();
    const settled = (): void => {
      answered.push({ ask, answer });
      wake();
    };
    answer.then(settled, settled);
  };
  for (const ask of asks) enter(ask);
  for (let left = asks.length; left > 0; ) {
    const next = answered.shift();
    if (next === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      continue;
    }
    const result = await next.answer;
    if (result.done) {
      left--;
    } else {
      yield result.value;
      enter(next.ask);
    }
  }
}
