import { codeOf, EXIT, Stop } from './failure.js';

/**
 * Signals that end kq. SIGHUP is not among them: a listener would undo nohup.
 */
export const STOP_SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/**
 * Signals of a terminal that a command with its own session does not receive.
 * It must not outlive kq.
 */
export const SESSION_SIGNALS: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGQUIT'];

/**
 * End as the signal ends a program, so that a shell leaves its loop. Process 1
 * of a container survives the signal, and exits with the code.
 */
export function dieOf(signal: NodeJS.Signals): void {
  process.exitCode = codeOf(null, signal) ?? EXIT.failure;
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/**
 * Stop after a signal. After a second one, end at once.
 *
 * @param onSecond Called before that.
 */
export function stopOnSignals(
  names: readonly NodeJS.Signals[],
  stop: AbortController,
  onSecond: () => void,
): Disposable {
  let isSecond = false;
  const end = (name: NodeJS.Signals): void => {
    if (isSecond) {
      onSecond();
      dieOf(name);
      process.exit();
    }
    isSecond = true;
    stop.abort(new Stop(codeOf(null, name) ?? EXIT.failure, name));
  };
  for (const name of names) process.on(name, end);
  return {
    [Symbol.dispose]() {
      for (const name of names) process.removeListener(name, end);
    },
  };
}
