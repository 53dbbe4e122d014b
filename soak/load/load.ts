import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The result of a load. */
export interface Figures {
  /** How many events were expected. */
  readonly count: number;
  /** How many of them were reported. */
  readonly seen: number;
  readonly seconds: number;
  /** The delay of the event loop in ms: the maximum and the 99th percentile. */
  readonly delay: { readonly max: number; readonly p99: number };
  /** More figures. */
  readonly notes: readonly string[];
}

/** A load of a size. */
export interface Load {
  readonly name: string;
  /** The sizes of `npm run load` and of the tests. */
  readonly full: number;
  readonly small: number;
  run(count: number): Promise<Figures>;
}

/** Measures the event loop while a step runs. */
export async function timed(
  run: () => Promise<void>,
): Promise<Pick<Figures, 'seconds' | 'delay'>> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  // The first sample is needed before a delay can be measured.
  await new Promise((resolve) => setTimeout(resolve, 5));
  histogram.enable();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const start = performance.now();
  await run();
  const seconds = (performance.now() - start) / 1000;
  await new Promise((resolve) => setTimeout(resolve, 5));
  histogram.disable();
  const delay = {
    max: histogram.max / 1e6,
    p99: histogram.percentile(99) / 1e6,
  };
  return { seconds, delay };
}

/** Wait for a promise, for at most a minute. */
export async function bounded<T>(promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), 60_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export const perSecond = (count: number, seconds: number): string =>
  Math.round(count / seconds).toLocaleString('en');
