import { setImmediate } from '../host/index.js';
import { exitsOfProcess } from './exits.js';
import { koffi } from './koffi.js';
import type { Watch } from './loop.js';
import { intervalWatch } from './loop-interval.js';
import { runListener } from './run-listener.js';

const READABLE = { readable: true } as const;

/**
 * Watches that have waits. koffi's handle is garbage-collected, and its events
 * stop, if only the event loop refers to it.
 */
const waiting = new Set<Watch>();

/**
 * A handle that fires while the process is ending, when no JavaScript can run,
 * aborts it. So all handles are closed at exit.
 */
function closeAll(): void {
  for (const watch of waiting) watch.close();
}

/** Keep a reference to a watch that has waits. */
function remember(watch: Watch): void {
  if (waiting.size === 0) exitsOfProcess().acts.add(closeAll);
  waiting.add(watch);
}

function forget(watch: Watch): void {
  if (!waiting.delete(watch) || waiting.size > 0) return;
  exitsOfProcess().acts.delete(closeAll);
}

/** Node.js 26 and later run no promise callbacks after a native callback. */
const drainsPromises = Number.parseInt(process.versions.node, 10) < 25;

const nothing = (): void => {};

/**
 * Watch a queue of a native kernel with a handle of the event loop,
 * `koffi.node.poll`. Misuse of the handle ends the process, so only this function
 * uses it:
 *
 * - It aborts if it is made or started for a descriptor that the loop cannot
 *   watch. `canWatch` tests that each time; until it succeeds, the queue is polled
 *   at intervals.
 * - Every call after `close` is a segmentation fault, so there is none.
 * - The descriptor must not be closed before the handle.
 * - A handle that reports an error is not used again.
 * - It is stopped while there is no wait: see {@link closeAll}.
 */
export function pollWatch(
  fd: number,
  canWatch: (fd: number) => boolean,
): Watch {
  type Handle = ReturnType<ReturnType<typeof koffi>['node']['poll']>;
  let handle: Handle | undefined;
  let listener: (() => void) | undefined;
  let active = false;
  let closed = false;
  let failed = false;
  let referenced = true;
  const fallback = intervalWatch();

  const onReadable = (status: unknown): void => {
    if (closed || !active || listener === undefined) return;
    if (typeof status === 'number' && status < 0) {
      failed = true;
      const given = listener;
      self.rest();
      self.start(given, referenced);
      return;
    }
    runListener(listener);
    if (!drainsPromises) setImmediate(nothing);
  };

  const reference = (keepsAlive: boolean): void => {
    if (handle === undefined || referenced === keepsAlive) return;
    referenced = keepsAlive;
    if (keepsAlive) handle.ref();
    else handle.unref();
  };

  const self: Watch = {
    start(given, keepsAlive) {
      if (closed || exitsOfProcess().exiting) return;
      listener = given;
      if (!active) {
        if (failed || !canWatch(fd)) {
          fallback.start(given, keepsAlive);
          return;
        }
        fallback.rest();
        if (handle === undefined) {
          handle = koffi().node.poll(fd, READABLE, onReadable);
        } else {
          handle.start(READABLE, onReadable);
        }
        active = true;
        remember(self);
      }
      reference(keepsAlive);
    },
    rest() {
      fallback.rest();
      listener = undefined;
      if (closed || !active) return;
      forget(self);
      active = false;
      handle?.stop();
    },
    check() {},
    reference(keepsAlive) {
      fallback.reference(keepsAlive);
      if (!closed) reference(keepsAlive);
    },
    close() {
      if (closed) return;
      closed = true;
      fallback.close();
      listener = undefined;
      forget(self);
      handle?.close();
    },
  };
  return self;
}
