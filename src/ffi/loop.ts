import type { LoopDriver } from '../host/index.js';
import { epollWatch } from './loop-epoll.js';
import { intervalWatch } from './loop-interval.js';
import { pollWatch } from './loop-poll.js';
import { isMainThread } from './thread.js';

/**
 * Watches one descriptor for the event loop. It is created at rest. At rest it
 * refers to no wait and does not keep the process alive.
 */
export interface Watch {
  /** Call `listener` when the descriptor may be readable, until rest. */
  start(listener: () => void, referenced: boolean): void;
  rest(): void;
  /** Repair it, if other code closed what it needs. */
  check(): void;
  /** Set whether it keeps the process alive while it is not at rest. */
  reference(referenced: boolean): void;
  /** Release the descriptor. Only this may be called afterwards. */
  close(): void;
}

const isNode = !('Bun' in globalThis || 'Deno' in globalThis);

/**
 * The driver of this thread. Bun has no uv_poll, and ends the process when it
 * is called. Deno's uv_poll fires for handles that were closed and freed. In a
 * worker thread koffi's handle ends the process if it fires while the thread is
 * being terminated, because no JavaScript may run then.
 */
export function threadDriver(): LoopDriver {
  return isNode && isMainThread() ? 'poll' : 'interval';
}

/**
 * Watch a queue that is known to be open; no other watch may have the same. One
 * that the event loop cannot watch now is looked at in intervals.
 *
 * @param canWatch Whether a native kernel lets the event loop watch it: tried
 * exactly as the loop will do it.
 */
export function watch(
  fd: number,
  driver: LoopDriver,
  canWatch: (fd: number) => boolean,
): Watch {
  if (driver === 'interval') return intervalWatch();
  return process.platform === 'linux'
    ? epollWatch(fd)
    : pollWatch(fd, canWatch);
}
