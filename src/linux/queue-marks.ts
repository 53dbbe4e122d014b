import { isMainThread, realProcess } from '../ffi/index.js';

/** The marks of queues. Members and inner epolls have others: see Identity. */
const MAIN = { first: 29, count: 20 };
const OTHER_THREADS = { first: 49, count: 10 };

const KEY = Symbol.for('kqueue-ffi.queue-marks');

/** How many queues have each mark: in this thread, of all copies of this package. */
function countsOfThread(): Map<number, number> {
  const process = realProcess() as NodeJS.Process & {
    [KEY]?: Map<number, number>;
  };
  const known = process[KEY];
  if (known !== undefined) return known;
  const counts = new Map<number, number>();
  Object.defineProperty(process, KEY, { value: counts });
  return counts;
}

/** Gives each queue a mark that few others have. */
export class QueueMarks {
  readonly #counts = countsOfThread();
  readonly #isMain = isMainThread();
  #given = Math.floor(Math.random() * MAIN.count);

  /** The next mark that the fewest queues of this thread have. */
  next(): number {
    const { first, count } = this.#isMain ? MAIN : OTHER_THREADS;
    const start = this.#given++;
    let least = first + (start % count);
    for (let i = 1; i < count && this.#countOf(least) > 0; i++) {
      const mark = first + ((start + i) % count);
      if (this.#countOf(mark) < this.#countOf(least)) least = mark;
    }
    return least;
  }

  #countOf(mark: number): number {
    return this.#counts.get(mark) ?? 0;
  }

  hold(mark: number): void {
    if (mark > 0) this.#counts.set(mark, this.#countOf(mark) + 1);
  }

  release(mark: number): void {
    const count = this.#countOf(mark);
    if (count > 1) this.#counts.set(mark, count - 1);
    else this.#counts.delete(mark);
  }

  /** Whether only one queue of the process has it: two workers share marks. */
  isUnique(mark: number): boolean {
    return this.#isMain && this.#countOf(mark) === 1;
  }
}
