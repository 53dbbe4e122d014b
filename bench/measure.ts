/** Something to time: `run(n)` does it `n` times. */
export interface Subject {
  readonly name: string;
  /** How many units one time is, such as 64 events. */
  readonly units?: number;
  readonly run: (n: number) => void;
  /** The same work done by calling the system directly, to compare with. */
  readonly raw?: (n: number) => void;
}

/** What a subject takes per unit, as medians. */
export interface Timing {
  readonly name: string;
  readonly ns: number;
  readonly rawNs: number | undefined;
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number;
  /** The time one round of one subject takes, more or less. */
  readonly roundMs: number;
}

function timeOf(run: (n: number) => void, n: number): number {
  const start = performance.now();
  run(n);
  return performance.now() - start;
}

/** How often to run it in one round. It is warm afterwards. */
function calibrate(run: (n: number) => void, { roundMs }: Effort): number {
  const LIMIT = 1e8;
  let n = 1;
  while (n < LIMIT && timeOf(run, n) < roundMs) n *= 2;
  return n;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Time all subjects in turn, round after round, so that what disturbs the
 * machine disturbs all of them alike.
 */
export function measure(
  subjects: readonly Subject[],
  effort: Effort,
): Timing[] {
  const runs = subjects.flatMap(({ run, raw }) =>
    raw === undefined ? [run] : [run, raw],
  );
  const counts = new Map(runs.map((run) => [run, calibrate(run, effort)]));
  const times = new Map(runs.map((run) => [run, [] as number[]]));
  for (let round = 0; round < effort.rounds; round++) {
    for (const run of round % 2 === 0 ? runs : [...runs].reverse()) {
      const n = counts.get(run) ?? 1;
      times.get(run)?.push((timeOf(run, n) * 1e6) / n);
    }
  }
  return subjects.map(({ name, units = 1, run, raw }) => ({
    name,
    ns: median(times.get(run) ?? []) / units,
    rawNs: raw && median(times.get(raw) ?? []) / units,
  }));
}

/**
 * The garbage one call makes, in bytes: the least of some rounds, for what
 * else the process allocates meanwhile is not the call's. Needs --expose-gc
 * and a nursery that holds a round.
 */
export function garbage(call: () => void): number {
  const CALLS = 100_000;
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with --expose-gc');
  for (let i = 0; i < CALLS / 5; i++) call();
  const rounds = Array.from({ length: 5 }, () => {
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < CALLS; i++) call();
    return (process.memoryUsage().heapUsed - before) / CALLS;
  });
  return Math.max(0, Math.min(...rounds));
}
