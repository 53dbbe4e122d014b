import { setTimeout } from '../host/index.js';

/** The interval between checks of the descriptors of waits. */
const PERIOD_MS = 500;

/** A queue, or another owner of descriptors, that may wait. */
export interface Checked {
  /** Its place among those that wait, or -1. */
  place: number;
  check(): void;
}

/**
 * Those that wait, in no order. The array is reused and may be longer,
 * because a Set, or an array that becomes empty, allocates for each wait.
 */
const waiting: Checked[] = [];
const nobody: Checked = { place: -1, check() {} };
let count = 0;
let isScheduled = false;

function schedule(): void {
  isScheduled = true;
  setTimeout(checkAll, PERIOD_MS).unref();
}

function checkAll(): void {
  isScheduled = false;
  for (const checked of waiting.slice(0, count)) checked.check();
  if (count > 0) schedule();
}

/**
 * Called at intervals while there is a wait. No kernel reports that a descriptor
 * was closed, so its waits would never end.
 */
export const descriptorChecks = {
  add(checked: Checked): void {
    if (checked.place >= 0) return;
    checked.place = count;
    waiting[count++] = checked;
    if (!isScheduled) schedule();
  },
  delete(checked: Checked): void {
    const { place } = checked;
    if (place < 0) return;
    checked.place = -1;
    const last = waiting[--count];
    if (last !== checked) {
      waiting[place] = last;
      last.place = place;
    }
    // Do not keep the queue from being garbage-collected.
    waiting[count] = nobody;
  },
};
