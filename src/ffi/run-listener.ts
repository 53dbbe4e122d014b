import { setImmediate } from '../host/index.js';

/**
 * Run a listener for native code. Native code must not see an exception: it
 * would throw it out of the next call of anybody's. So it becomes an uncaught
 * exception of its own.
 */
export function runListener(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
