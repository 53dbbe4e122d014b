import { readdirSync, readlinkSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The number of open descriptors. */
export const openCount = (): number => readdirSync('/dev/fd').length;

/** The open descriptors with their paths. */
export const openFiles = (): readonly string[] =>
  readdirSync('/dev/fd').flatMap((fd) => {
    try {
      return [`${fd} ${readlinkSync(`/dev/fd/${fd}`)}`];
    } catch {
      return [];
    }
  });

const MIB = 2 ** 20;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** The figures of a quarter of the run. */
export interface Quarter {
  readonly rssMiB: number;
  readonly heapMiB: number;
  readonly fds: number;
}

/** Samples the process at intervals. */
export class Vitals {
  readonly #samples: Quarter[] = [];
  readonly #delay = monitorEventLoopDelay({ resolution: 1 });
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#delay.enable();
    this.#timer = setInterval(() => this.sample(), 250);
  }

  sample(): Quarter {
    const { rss, heapUsed } = process.memoryUsage();
    const sample = {
      rssMiB: rss / MIB,
      heapMiB: heapUsed / MIB,
      fds: openCount(),
    };
    this.#samples.push(sample);
    return sample;
  }

  /** Medians of the four quarters of the run so far. */
  quarters(): readonly Quarter[] {
    const all = this.#samples;
    return [0, 1, 2, 3].map((i) => {
      const part = all.slice(
        Math.floor((all.length * i) / 4),
        Math.floor((all.length * (i + 1)) / 4),
      );
      return {
        rssMiB: median(part.map(({ rssMiB }) => rssMiB)),
        heapMiB: median(part.map(({ heapMiB }) => heapMiB)),
        fds: median(part.map(({ fds }) => fds)),
      };
    });
  }

  /** The delay of the event loop in ms: the maximum and the 99th percentile. */
  delay(): { readonly max: number; readonly p99: number } {
    return {
      max: this.#delay.max / 1e6,
      p99: this.#delay.percentile(99) / 1e6,
    };
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#delay.disable();
  }
}
