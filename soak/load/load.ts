import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a load was, and how it went. */
export interface Figures {
  /** How many there were of it. */
  readonly count: number;
  /** How many of them were told of. */
  readonly seen: number;
  readonly seconds: number;
  /** The event loop's longest delay meanwhile, and that of 99 %, in ms. */
  readonly delay: { readonly max: number; readonly p99: number };
  /** What else there is to say. */
  readonly notes: readonly string[];
}

/** A load of so many. */
export interface Load {
  readonly name: string;
  /** What is asked for, and what the tests try. */
  readonly full: number;
  readonly small: number;
  run(count: number): Promise<Figures>;
}

/** Watches the event loop while something runs. */
export async function timed(
  run: () => Promise<void>,
): Promise<Pick<Figures, 'seconds' | 'delay'>> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  // It must have looked once before it can tell of a delay.
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

/** Wait for something, a minute at most. */
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
