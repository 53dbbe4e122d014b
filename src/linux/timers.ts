import { D } from './constants.js';
import type { Queue } from './queue.js';
import { TimerHeap } from './timer-heap.js';

/** The timers of one queue, on two clocks. */
export class Timers {
  readonly #queue: Queue;
  #monotonic: TimerHeap | undefined;
  /** On the clock that goes on while the machine sleeps. */
  #boottime: TimerHeap | undefined;
  #isScheduled = false;

  constructor(queue: Queue) {
    this.#queue = queue;
  }

  /** The heap that a change asks for; `undefined` if there is no room. */
  heapFor(fflags: number): TimerHeap | undefined {
    if ((fflags & D.NOTE_MACH_CONTINUOUS_TIME) !== 0) {
      this.#boottime ??= TimerHeap.create(this.#queue, true);
      return this.#boottime;
    }
    this.#monotonic ??= TimerHeap.create(this.#queue, false);
    return this.#monotonic;
  }

  /** Deadlines have changed: {@link arm} before the call returns. */
  scheduleArm(): void {
    this.#isScheduled = true;
    this.#queue.kernel.scheduleSync(this.#queue);
  }

  /** Arm the timerfds, if that was scheduled. */
  arm(): void {
    if (!this.#isScheduled) return;
    this.#isScheduled = false;
    this.#monotonic?.arm();
    this.#boottime?.arm();
  }

  /** Replace timerfds that were closed elsewhere. */
  check(): void {
    this.#monotonic?.check();
    this.#boottime?.check();
  }

  close(): void {
    this.#monotonic?.close();
    this.#boottime?.close();
  }
}
