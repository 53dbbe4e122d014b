/** Timing in interleaved rounds, and its statistics. */

/** One way to do something. */
export interface Way {
  readonly name: string;
  /** How many units one time is, such as 64 events. @default 1 */
  readonly units?: number;
  /** Do it `n` times: how many nanoseconds that took. */
  readonly time: (n: number) => number | Promise<number>;
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number;
  /** The time that one way takes in one round, more or less. */
  readonly roundMs: number;
}

/** A way that is run here. */
export const here = (
  name: string,
  run: (n: number) => void,
  units = 1,
): Way => ({
  name,
  units,
  time(n) {
    const start = performance.now();
    run(n);
    return (performance.now() - start) * 1e6;
  },
});

/** How often to do it in one round. It is warm afterwards. */
async function calibrate({ time }: Way, { roundMs }: Effort): Promise<number> {
  const LIMIT = 1e8;
  const WARM_MS = 100;
  const end = performance.now() + WARM_MS;
  let n = 1;
  let took = await time(n);
  while (n < LIMIT && (took < roundMs * 1e6 || performance.now() < end)) {
    if (took < roundMs * 1e6) n *= 2;
    took = await time(n);
  }
  return Math.max(1, Math.round((n * roundMs * 1e6) / took));
}

/** The nanoseconds per unit of one way, round by round. */
export type Times = readonly number[];

/**
 * Time all ways in turn, round after round, so that what disturbs the machine
 * disturbs all of them alike.
 */
export async function measure<Name extends string>(
  ways: Readonly<Record<Name, Way>>,
  effort: Effort,
): Promise<Record<Name, Times>> {
  const names = Object.keys(ways) as Name[];
  const counts = new Map<Name, number>();
  for (const name of names) {
    counts.set(name, await calibrate(ways[name], effort));
  }
  const times = Object.fromEntries(
    names.map((name) => [name, [] as number[]]),
  ) as Record<Name, number[]>;
  for (let round = 0; round < effort.rounds; round++) {
    for (const name of round % 2 === 0 ? names : [...names].reverse()) {
      const n = counts.get(name) ?? 1;
      const { time, units = 1 } = ways[name];
      times[name].push((await time(n)) / n / units);
    }
  }
  return times;
}

/** The value below which a part of them is. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const low = sorted[Math.floor(at)];
  return low + (sorted[Math.ceil(at)] - low) * (at % 1);
}

export const median = (values: readonly number[]): number =>
  quantile(values, 0.5);

/** The ratios of measurements from the same rounds. */
export const ratios = (times: Times, base: Times): number[] =>
  times.map((time, round) => time / base[round]);

/**
 * The garbage one call makes, in bytes: the least of some rounds, for what
 * else the process allocates meanwhile is not the call's. Needs --expose-gc
 * and a nursery that holds a round.
 */
export function garbage(call: () => void, effort: Effort): number {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  const ROUNDS = Math.min(20, effort.rounds);
  const MOST = 100_000;
  const LEAST = 2_000;
  const WARM = 20_000;
  const WARM_MS = 50 * effort.roundMs;
  const before = performance.now();
  let warm = 0;
  let spent = 0;
  while (warm < WARM && spent < WARM_MS) {
    call();
    warm++;
    spent = performance.now() - before;
  }
  const fitting = Math.round((5 * effort.roundMs * warm) / spent);
  const calls = Math.min(MOST, Math.max(LEAST, fitting));
  /** The growth of the heap in bytes, measurement included. */
  const growth = (times: number): number => {
    gc();
    const start = process.memoryUsage().heapUsed;
    for (let i = 0; i < times; i++) call();
    return process.memoryUsage().heapUsed - start;
  };
  let least = Infinity;
  // V8 takes a while to compile hot code.
  for (let round = 0; round < ROUNDS && least > 0.1; round++) {
    const bytes = growth(calls) - growth(0);
    least = Math.min(least, Math.max(0, bytes / calls));
  }
  return least;
}
