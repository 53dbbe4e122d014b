/** Random choices that a seed repeats. */
export interface Random {
  /** From 0 to `limit`, excluding it. */
  below(limit: number): number;
  /** An integer from `low` to `high`. */
  int(low: number, high: number): number;
  /** True with this probability. */
  chance(share: number): boolean;
  pick<T>(choices: readonly T[]): T;
  /** An independent source, the same for the same seed. */
  fork(): Random;
}

/** mulberry32, with 32 bits of state. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => next() * limit;
  return {
    below,
    int: (low, high) => low + Math.floor(below(high - low + 1)),
    chance: (share) => next() < share,
    pick: (choices) => choices[Math.floor(below(choices.length))],
    fork: () => randomOf(Math.floor(below(2 ** 32))),
  };
}
