import { type ExecSettings, start } from './exec.js';
import { EXIT } from './failure.js';
import type { OutputEvent } from './output-event.js';
import { ProcessGroup } from './process-group.js';
import { printNote } from './screen.js';

/** Runs the command of `--exec`. */
export interface Runner {
  /** The exit code of the last command that failed, otherwise 0. */
  readonly status: number;
  /**
   * Run the command for an event. Resolves when the next event may be handled.
   *
   * @throws {Failure} If it cannot be started.
   */
  run(event: OutputEvent): Promise<void>;
  /** Resolves when the running command has ended. */
  settle(): Promise<void>;
  /** End the running command, and wait for it. */
  stop(): Promise<void>;
  /** End the running command at once. */
  kill(): void;
}

/** Runs one command after the other. */
export function createRunner(settings: ExecSettings): Runner {
  let status: number = EXIT.ok;
  let current: Awaited<ReturnType<typeof start>> | undefined;
  let isStopping = false;
  return {
    get status() {
      return status;
    },
    async run(event) {
      const running = await start(settings, event);
      current = running;
      if (isStopping) running.child.kill('SIGTERM');
      const code = await running.ended;
      current = undefined;
      if (code === EXIT.ok || isStopping) return;
      printNote(`${settings.words[0]} ended with ${code}`);
      status = code;
    },
    async settle() {
      await current?.ended;
    },
    async stop() {
      isStopping = true;
      current?.child.kill('SIGTERM');
      await current?.ended;
    },
    kill() {},
  };
}

/** Ends the process group of the last command before it runs the next one. */
export function createRestarter(settings: ExecSettings, grace: number): Runner {
  let status: number = EXIT.ok;
  let ended = Promise.resolve();
  let group: ProcessGroup | undefined;
  let stopped = Promise.resolve();
  let hasBeenTold = false;
  const stop = (): Promise<void> => {
    if (group !== undefined && !hasBeenTold) {
      hasBeenTold = true;
      stopped = group.stop(grace).then(() => ended);
    }
    return stopped;
  };
  return {
    get status() {
      return status;
    },
    async run(event) {
      await stop();
      const running = await start(settings, event, true);
      group = new ProcessGroup(running);
      hasBeenTold = false;
      ended = running.ended.then((code) => {
        if (hasBeenTold || code === EXIT.ok) return;
        printNote(`${settings.words[0]} ended with ${code}`);
        status = code;
      });
    },
    settle: () => ended,
    stop,
    kill() {
      group?.kill('SIGKILL');
    },
  };
}
