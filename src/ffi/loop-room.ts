// Room for handles in the event loop. It hands descriptors to its epoll when it
// waits next, all at once, and ends the process if the kernel refuses one. Linux
// does so when there would be more than a hundred ways from an open file through
// two epolls into a third: as from a file through a queue's two into the loop's.
import { refusedOf } from './loop-check.js';

/** A handle that is started. */
export interface Started {
  readonly fd: number;
  /** The loop cannot take it: it has to be tried again later. */
  postpone(): void;
}

/** With so few handles no file can have too many ways into the loop. */
const FEW = 32;
/** So many may wait for the loop to take them. */
const MOST = 32;

/** Who may not have been taken by the loop yet, and when it was started. */
const untaken = new Map<Started, number>();
let starts = 0;
let isClearing = false;
let isNested = false;
/** Whether a file might have too many ways into the loop. */
let isCrowded = false;

/**
 * A handle is about to be started.
 *
 * @param others How many are started already.
 * @param isNew It has not been tried before.
 * @returns Whether it may be: else it has to be tried again later.
 */
export function hasRoom(
  handle: Started,
  others: number,
  isNew: boolean,
): boolean {
  isCrowded = isNested || others >= FEW;
  if (untaken.size >= MOST / 2) clear();
  if (isCrowded && untaken.size >= MOST) return false;
  if (isCrowded) postponeRefused();
  if (isCrowded || isNew) {
    const all = isCrowded ? [...untaken.keys(), handle] : [handle];
    if (refusedOf(all.map(({ fd }) => fd)).length > 0) return false;
  }
  untaken.set(handle, ++starts);
  return true;
}

/** The loop has taken a handle, or needs to no more. */
export function isTaken(handle: Started): void {
  untaken.delete(handle);
}

/**
 * Queues watch more than before.
 *
 * @param nested One watches another: it may have any number of ways.
 */
export function growWays(nested: boolean): void {
  isNested ||= nested;
  isCrowded ||= isNested;
  if (isCrowded && untaken.size > 0) postponeRefused();
}

/** Whom the loop would be refused is not given to it. */
function postponeRefused(): void {
  const all = [...untaken.keys()];
  for (const index of refusedOf(all.map(({ fd }) => fd))) {
    untaken.delete(all[index]);
    all[index].postpone();
  }
}

/** What was started before now has been taken when the loop has waited twice. */
function clear(): void {
  if (isClearing) return;
  isClearing = true;
  setImmediate(() => {
    const last = starts;
    setImmediate(() => {
      isClearing = false;
      for (const [handle, start] of untaken) {
        if (start <= last) untaken.delete(handle);
      }
    }).unref();
  }).unref();
}
