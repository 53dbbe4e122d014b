import { type Libc, type NativeBlock, nativeBlock } from '../ffi/index.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  nanoseconds,
  writeTimespec,
} from './clock.js';
import { CLOEXEC, EPOLLET, EPOLLIN, NONBLOCK } from './constants.js';
import { lastErrno } from './errno.js';
import type { Timer } from './filters/timer.js';
import type { OwnMember } from './own-members.js';
import type { Queue } from './queue.js';

/** Longer than any machine runs, and short enough for the kernel. */
const FAR_FUTURE = 2 ** 33 * 1e9;
/** In this time a timerfd may fire before the end of the turn, in nanoseconds. */
const SOON = 1e9;

/**
 * The timers of one queue on one clock: a binary heap by deadline, and one
 * timerfd that is set to the earliest.
 */
export class TimerHeap implements OwnMember {
  slot = -1;
  generation = 0;
  readonly #queue: Queue;
  readonly #libc: Libc;
  readonly #clock: number;
  #fd = -1;
  readonly #heap: Timer[] = [];
  readonly #setting: NativeBlock = nativeBlock(32);
  /** The deadline that the timerfd is set to. */
  #armed = Number.POSITIVE_INFINITY;

  private constructor(queue: Queue, clock: number) {
    this.#queue = queue;
    this.#libc = queue.kernel.libc;
    this.#clock = clock;
  }

  /** Make the heap of a clock. Returns a Darwin errno if that fails. */
  static create(queue: Queue, countsSleep: boolean): TimerHeap | number {
    const clock = countsSleep ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;
    const heap = new TimerHeap(queue, clock);
    const errno = heap.#open();
    return errno === 0 ? heap : errno;
  }

  /** Open the timerfd. Returns a Darwin errno. */
  #open(): number {
    const fd = this.#libc.timerfdCreate(this.#clock, CLOEXEC | NONBLOCK);
    if (fd < 0) return lastErrno(this.#libc);
    const errno = this.#queue.addMember(this, fd, EPOLLIN | EPOLLET);
    if (errno === 0) this.#fd = fd;
    else this.#libc.close(fd);
    return errno;
  }

  reopen(): boolean {
    this.close();
    if (this.#open() !== 0) return false;
    this.#set(this.#deadline);
    return true;
  }

  /** The timerfd fired: all timers that are due are ready, in order. */
  edge(): void {
    this.#armed = Number.POSITIVE_INFINITY;
    const now = this.now();
    for (;;) {
      const timer = this.#heap[0];
      if (timer === undefined || timer.deadline > now) break;
      this.remove(timer);
      this.#queue.knotes.activate(timer.knote);
    }
    this.#queue.timers.scheduleArm();
  }

  now(): number {
    return nanoseconds(this.#libc, this.#clock);
  }

  add(timer: Timer): void {
    timer.heapIndex = this.#heap.length;
    this.#heap.push(timer);
    this.#up(timer.heapIndex);
  }

  remove(timer: Timer): void {
    const index = timer.heapIndex;
    if (index < 0) return;
    timer.heapIndex = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === timer) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#up(index);
    this.#down(last.heapIndex);
  }

  /**
   * Set the timerfd to the earliest deadline, if that has changed. A later one can
   * wait until the end of the turn, unless `now`: a timerfd that fires early only
   * wakes the queue. So a timer that is added and deleted costs no call.
   */
  arm(now: boolean): void {
    const deadline = this.#deadline;
    if (deadline === this.#armed) return;
    const isLater = deadline > this.#armed;
    if (!now && isLater && this.#armed - this.now() > SOON) {
      this.#queue.kernel.armLater(this.#queue);
    } else if (!this.#set(deadline)) {
      this.#queue.epolls.others.reopen(this);
    }
  }

  get #deadline(): number {
    return this.#heap[0]?.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** Set the timerfd. False if other code closed it. */
  #set(deadline: number): boolean {
    this.#armed = deadline;
    const { u32, address } = this.#setting;
    if (deadline === Number.POSITIVE_INFINITY) {
      u32.fill(0);
    } else {
      // A time of zero would disarm it.
      const wait = Math.max(1, deadline - this.now());
      writeTimespec(u32, 4, Math.min(wait, FAR_FUTURE));
    }
    // Otherwise it would set a timerfd of other code.
    const isOpen = this.#queue.epolls.others.isOpen(this);
    return isOpen && this.#libc.timerfdSettime(this.#fd, 0, address, 0) >= 0;
  }

  close(): void {
    if (this.#queue.removeMember(this, this.#fd)) this.#libc.close(this.#fd);
    this.#fd = -1;
  }

  #up(start: number): void {
    const heap = this.#heap;
    const timer = heap[start];
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(timer, heap[parent])) break;
      this.#place(heap[parent], index);
      index = parent;
    }
    this.#place(timer, index);
  }

  #down(start: number): void {
    const heap = this.#heap;
    const timer = heap[start];
    let index = start;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) {
        child++;
      }
      if (!isBefore(heap[child], timer)) break;
      this.#place(heap[child], index);
      index = child;
    }
    this.#place(timer, index);
  }

  #place(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.heapIndex = index;
  }
}

const isBefore = (a: Timer, b: Timer): boolean =>
  a.deadline < b.deadline ||
  (a.deadline === b.deadline && a.knote.serial < b.knote.serial);
