import type { Libc } from '../../ffi/index.js';
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  exactNanoseconds,
} from '../clock.js';
import { D, DE } from '../constants.js';
import { toBigInt, toDouble } from '../int64.js';
import { type Knote, setData } from '../knote.js';
import type { TimerHeap } from '../timer-heap.js';
import type { Filter } from './filter.js';

/** The state of a running EVFILT_TIMER knote. Times are nanoseconds. */
export interface Timer {
  readonly knote: Knote;
  readonly heap: TimerHeap;
  /** The next deadline, on the clock of its heap. */
  deadline: number;
  /** The period; 0 for a one-shot timer. */
  readonly interval: number;
  /** The position in the heap; -1 if it is in none, as a timer that is due. */
  heapIndex: number;
}

const UNITS =
  D.NOTE_SECONDS | D.NOTE_USECONDS | D.NOTE_NSECONDS | D.NOTE_MACHTIME;

/** Nanoseconds per unit; 0 if there is more than one unit. */
function unitOf(fflags: number): bigint {
  switch (fflags & UNITS) {
    case 0:
      return 1_000_000n;
    case D.NOTE_SECONDS:
      return 1_000_000_000n;
    case D.NOTE_USECONDS:
      return 1_000n;
    case D.NOTE_NSECONDS:
    // One tick of mach_absolute_time counts as one nanosecond.
    case D.NOTE_MACHTIME:
      return 1n;
    default:
      return 0n;
  }
}

/** The clock of an absolute time. */
function clockOf(fflags: number): number {
  if ((fflags & D.NOTE_MACHTIME) === 0) return CLOCK_REALTIME;
  const countsSleep = (fflags & D.NOTE_MACH_CONTINUOUS_TIME) !== 0;
  return countsSleep ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;
}

/** The requested times, in nanoseconds from now. */
interface Request {
  readonly wait: number;
  readonly interval: number;
}

/** The words of `ext[1]` of struct kevent64_s, a leeway. */
const LEEWAY_LOW = 2;
const LEEWAY_HIGH = 3;

/**
 * EVFILT_TIMER: rules J. An interval keeps its phase: each deadline counts from
 * the first, however late the last event was collected.
 */
export class TimerFilter implements Filter {
  readonly #libc: Libc;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  attach(knote: Knote): number {
    const { requestedFflags, requestedLow, requestedHigh } = knote;
    const request = this.#request(requestedFflags, requestedLow, requestedHigh);
    if (typeof request === 'number') return request;
    const leeway = leewayOf(requestedFflags, knote.ext);
    if (leeway === undefined) return DE.ERANGE;
    const heap = knote.queue.timers.heapFor(requestedFflags);
    if (typeof heap === 'number') return heap;
    knote.flags |= D.EV_CLEAR;
    if ((requestedFflags & D.NOTE_ABSOLUTE) !== 0) knote.flags |= D.EV_ONESHOT;
    reportLeeway(knote, leeway);
    start(knote, heap, request);
    return 0;
  }

  touch(
    knote: Knote,
    fflags: number,
    low: number,
    high: number,
    ext: Int32Array | null,
  ): number {
    const { timer } = knote;
    if (timer === null) return DE.ENOENT;
    if (((fflags ^ knote.requestedFflags) & D.NOTE_ABSOLUTE) !== 0) {
      return DE.EINVAL;
    }
    const request = this.#request(fflags, low, high);
    if (typeof request === 'number') return request;
    const leeway = leewayOf(fflags, ext);
    if (leeway === undefined) return DE.ERANGE;
    const heap = knote.queue.timers.heapFor(fflags);
    if (typeof heap === 'number') return heap;
    reportLeeway(knote, leeway);
    timer.heap.remove(timer);
    start(knote, heap, request);
    return 0;
  }

  evaluate(knote: Knote): boolean {
    const { timer } = knote;
    if (timer === null || timer.heapIndex >= 0) return false;
    setData(knote, ticks(timer, timer.heap.now()));
    return true;
  }

  delivered(knote: Knote): void {
    const { timer } = knote;
    if (timer === null || timer.interval === 0) return;
    timer.deadline += toDouble(knote.dataLow, knote.dataHigh) * timer.interval;
    timer.heap.add(timer);
    knote.queue.timers.scheduleArm();
  }

  detach(knote: Knote): void {
    knote.timer?.heap.remove(knote.timer);
    knote.queue.timers.scheduleArm();
  }

  /** Check the parameters. Returns a Darwin errno. */
  #request(fflags: number, low: number, high: number): Request | number {
    const unit = unitOf(fflags);
    if (unit === 0n) return DE.EINVAL;
    const data = toBigInt(low, high);
    if ((fflags & D.NOTE_ABSOLUTE) !== 0) {
      return this.#absolute(fflags, data, unit);
    }
    if (data <= 0n) return { wait: 0, interval: 0 };
    const nanos = data * unit;
    if (nanos >= 1n << 64n) return DE.ERANGE;
    return { wait: Number(nanos), interval: Number(nanos) };
  }

  /** An absolute time is converted to a duration once, here. */
  #absolute(fflags: number, data: bigint, unit: bigint): Request | number {
    const nanos = BigInt.asUintN(64, data) * unit;
    if (nanos >= 1n << 64n) return DE.ERANGE;
    const wait = nanos - exactNanoseconds(this.#libc, clockOf(fflags));
    return { wait: wait < 0n ? 0 : Number(wait), interval: 0 };
  }
}

/**
 * The leeway in nanoseconds, which has no effect; `undefined` if it overflows.
 */
function leewayOf(fflags: number, ext: Int32Array | null): bigint | undefined {
  if (ext === null || (fflags & D.NOTE_LEEWAY) === 0) return 0n;
  const given = BigInt.asUintN(64, toBigInt(ext[LEEWAY_LOW], ext[LEEWAY_HIGH]));
  const nanos = given * unitOf(fflags);
  return nanos < 1n << 64n ? nanos : undefined;
}

/** kevent64 reports the leeway in nanoseconds, and no other word of `ext`. */
function reportLeeway(knote: Knote, leeway: bigint): void {
  if (knote.ext === null) return;
  const ext = new Int32Array(knote.ext.length);
  ext[LEEWAY_LOW] = Number(BigInt.asIntN(32, leeway));
  ext[LEEWAY_HIGH] = Number(BigInt.asIntN(32, leeway >> 32n));
  knote.ext = ext;
}

/** Start the timer of a knote; the one that it replaces is in no heap. */
function start(
  knote: Knote,
  heap: TimerHeap,
  { wait, interval }: Request,
): void {
  const deadline = heap.now() + wait;
  const timer: Timer = { knote, heap, deadline, interval, heapIndex: -1 };
  knote.timer = timer;
  if (wait > 0) heap.add(timer);
  knote.queue.timers.scheduleArm();
}

/** The number of whole periods since the last report: at least 1. */
const ticks = (timer: Timer, now: number): number =>
  timer.interval === 0
    ? 1
    : Math.max(1, 1 + Math.floor((now - timer.deadline) / timer.interval));
