import { setImmediate } from '../host/index.js';

/**
 * Run a listener for native code. If the listener throws, native code must not
 * see the exception, because it would surface in an unrelated call. It becomes
 * an uncaught exception instead.
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
