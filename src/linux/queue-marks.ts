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

  /** A mark that no queue of this thread has, or any if there is none. */
  next(): number {
    const { first, count } = this.#isMain ? MAIN : OTHER_THREADS;
    let mark = 0;
    for (let tries = 0; tries < count; tries++) {
      mark = first + (this.#given++ % count);
      if (!this.#counts.has(mark)) break;
    }
    return mark;
  }

  hold(mark: number): void {
    if (mark > 0) this.#counts.set(mark, (this.#counts.get(mark) ?? 0) + 1);
  }

  release(mark: number): void {
    const count = this.#counts.get(mark) ?? 0;
    if (count > 1) this.#counts.set(mark, count - 1);
    else this.#counts.delete(mark);
  }

  /** Whether only one queue of the process has it: two workers share marks. */
  isUnique(mark: number): boolean {
    return this.#isMain && this.#counts.get(mark) === 1;
  }
}
