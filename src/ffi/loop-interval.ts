import { clearTimeout, setTimeout, type Timer } from '../host/index.js';
import type { Watch } from './loop.js';
import { runListener } from './run-listener.js';

/** The first interval between polls, in ms. It grows up to the second one. */
const SHORTEST = 1;
const LONGEST = 8;

/** Call the listener at intervals. */
export function intervalWatch(): Watch {
  let timer: Timer | undefined;
  let listener: (() => void) | undefined;
  let delay = SHORTEST;
  let referenced = true;

  const schedule = (): void => {
    timer = setTimeout(tick, delay);
    if (!referenced) timer.unref();
  };
  const tick = (): void => {
    timer = undefined;
    if (listener === undefined) return;
    delay = Math.min(delay * 2, LONGEST);
    runListener(listener);
    if (listener !== undefined && timer === undefined) schedule();
  };
  const rest = (): void => {
    listener = undefined;
    clearTimeout(timer);
    timer = undefined;
    delay = SHORTEST;
  };

  return {
    start(given, keepsAlive) {
      listener = given;
      referenced = keepsAlive;
      if (timer === undefined) schedule();
    },
    rest,
    check() {},
    reference(keepsAlive) {
      referenced = keepsAlive;
      if (keepsAlive) timer?.ref();
      else timer?.unref();
    },
    close: rest,
  };
}
