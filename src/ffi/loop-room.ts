// Room for handles in the event loop. It hands descriptors to its epoll when it
// waits next, all at once, and ends the process if the kernel refuses one. Linux
// does so when an open file could wake too many epolls: with a file in a queue's
// inner epoll, that in the queue, and the queue in the loop, a hundred queues.
import { canPoll } from './loop-check.js';

/** With so few handles no file can have too many ways into the loop. */
const FEW = 32;
/** So many may wait for the loop to take them. */
const MOST = 32;

/** How many were started that the loop may not have taken yet. */
let untaken = 0;
let isClearing = false;

/**
 * A handle is about to be started.
 *
 * @param started How many are started already.
 * @param isNew It has not been tried before.
 * @returns Whether it may be: else it has to be tried again later.
 */
export function hasRoom(fd: number, started: number, isNew: boolean): boolean {
  if (untaken >= MOST / 2) clear();
  const isOneOfFew = started < FEW;
  if (!isOneOfFew && untaken >= MOST) return false;
  // As if all that are still to be taken watched the same file.
  const ways = isOneOfFew ? 1 : untaken + 1;
  if ((isNew || !isOneOfFew) && !canPoll(fd, ways)) return false;
  untaken++;
  return true;
}

/** What was started before now has been taken when the loop has waited twice. */
function clear(): void {
  if (isClearing) return;
  isClearing = true;
  setImmediate(() => {
    const before = untaken;
    setImmediate(() => {
      untaken -= before;
      isClearing = false;
    }).unref();
  }).unref();
}
