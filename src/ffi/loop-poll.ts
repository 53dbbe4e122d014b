import { exitsOfProcess } from './exits.js';
import { koffi } from './koffi.js';
import type { Watch } from './loop.js';
import { intervalWatch } from './loop-interval.js';
import { hasRoom, isTaken, type Started } from './loop-room.js';
import { runListener } from './run-listener.js';

const READABLE = { readable: true } as const;

/**
 * Watches that somebody waits for. koffi's handle is collected, and its events
 * stop, when only the event loop refers to it.
 */
const waiting = new Set<Watch>();

/**
 * A handle that fires while the process is being taken down, when no
 * JavaScript can run any more, aborts it; so at the exit all are let go of.
 */
function letGo(): void {
  for (const watch of waiting) watch.close();
}

/** Remember who waits; those of a realm that has ended are nobody's. */
function remember(watch: Watch): void {
  if (waiting.size === 0) exitsOfProcess().acts.add(letGo);
  waiting.add(watch);
}

function forget(watch: Watch): void {
  if (!waiting.delete(watch) || waiting.size > 0) return;
  exitsOfProcess().acts.delete(letGo);
}

/** From Node 26 on, promises are not run after a native callback. */
const drains = Number.parseInt(process.versions.node, 10) < 25;

const nothing = (): void => {};

/**
 * Watch a descriptor with a handle of the event loop, `koffi.node.poll`. What
 * it does when misused is to end the process, so all of its life is in here:
 *
 * - a descriptor that is not open or watched already aborts, so the caller has
 *   to know that it is neither;
 * - so does one that the loop cannot watch, at any start: it is tried before,
 *   and looked at in intervals for as long as it fails;
 * - every call after `close` is a segmentation fault, so none is made;
 * - the descriptor must not be closed before the handle;
 * - it is stopped while nobody waits: see {@link letGo}.
 */
export function pollWatch(fd: number): Watch {
  type Handle = ReturnType<ReturnType<typeof koffi>['node']['poll']>;
  let handle: Handle | undefined;
  let listener: (() => void) | undefined;
  let active = false;
  let closed = false;
  let referenced = true;
  /** In its place while the loop has no room for it. */
  let spare: Watch | undefined;

  const readable = (): void => {
    isTaken(started);
    if (closed || handle === undefined || listener === undefined) return;
    runListener(listener);
    if (!drains) setImmediate(nothing);
  };

  const refer = (keepsAlive: boolean): void => {
    if (handle === undefined || referenced === keepsAlive) return;
    referenced = keepsAlive;
    if (keepsAlive) handle.ref();
    else handle.unref();
  };

  const started: Started = {
    fd,
    postpone() {
      const given = listener;
      if (closed || !active || given === undefined) return;
      const keepsAlive = referenced;
      self.rest();
      lookAtIntervals(given, keepsAlive);
    },
  };

  const lookAtIntervals = (given: () => void, keepsAlive: boolean): void => {
    spare ??= intervalWatch();
    spare.start(given, keepsAlive);
  };

  const self: Watch = {
    start(given, keepsAlive) {
      if (closed || exitsOfProcess().exiting) return;
      const isNew = handle === undefined;
      if (!active && !hasRoom(started, waiting.size, isNew)) {
        lookAtIntervals(given, keepsAlive);
        return;
      }
      spare?.rest();
      if (handle === undefined) {
        handle = koffi().node.poll(fd, READABLE, readable);
      } else if (!active) {
        handle.start(READABLE, readable);
      }
      listener = given;
      remember(self);
      active = true;
      refer(keepsAlive);
    },
    rest() {
      spare?.rest();
      if (closed || !active) return;
      listener = undefined;
      forget(self);
      isTaken(started);
      active = false;
      handle?.stop();
    },
    reference(keepsAlive) {
      spare?.reference(keepsAlive);
      if (!closed) refer(keepsAlive);
    },
    close() {
      if (closed) return;
      closed = true;
      spare?.close();
      listener = undefined;
      forget(self);
      isTaken(started);
      handle?.close();
    },
  };
  return self;
}
