import { D } from './constants.js';
import type { Queue } from './queue.js';
import { TimerHeap } from './timer-heap.js';

/** The timers of one queue, on two clocks. */
export class Timers {
  readonly #queue: Queue;
  #monotonic: TimerHeap | undefined;
  /** On the clock that continues while the machine sleeps. */
  #boottime: TimerHeap | undefined;
  #isScheduled = false;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** The heap for a change. Returns a Darwin errno if there is none. */
  heapFor(fflags: number): TimerHeap | number {
    const countsSleep = (fflags & D.NOTE_MACH_CONTINUOUS_TIME) !== 0;
    const known = countsSleep ? this.#boottime : this.#monotonic;
    if (known !== undefined) return known;
    const heap = TimerHeap.create(this.#queue, countsSleep);
    if (typeof heap === 'number') return heap;
    if (countsSleep) this.#boottime = heap;
    else this.#monotonic = heap;
    return heap;
  }

  /** Deadlines changed: call {@link arm} before the call returns. */
  scheduleArm(): void {
    this.#isScheduled = true;
    this.#queue.kernel.scheduleSync(this.#queue);
  }

  /** Set the timerfds, if that is scheduled. */
  arm(): void {
    if (!this.#isScheduled) return;
    this.#isScheduled = false;
    this.#arm(false);
  }

  /** Set those that {@link arm} left for later. */
  armNow(): void {
    this.#arm(true);
  }

  #arm(now: boolean): void {
    this.#monotonic?.arm(now);
    this.#boottime?.arm(now);
  }

  close(): void {
    this.#monotonic?.close();
    this.#boottime?.close();
  }
}
