import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Failure } from './failure.js';
import type { OutputEvent } from './output-event.js';

/** The code that a shell would give a process that a signal ended. */
export const codeOf = (
  code: number | null,
  signal: string | number | null,
): number | undefined => {
  if (code !== null) return code;
  if (signal === null) return undefined;
  const { signals } = constants as { signals: Record<string, number> };
  return 128 + (typeof signal === 'number' ? signal : (signals[signal] ?? 0));
};

/** The variables that describe an event to a command. */
function makeEnvironment({ fields }: OutputEvent): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  // Those of an outer kq describe another event.
  for (const [name, value] of Object.entries(process.env)) {
    if (!name.startsWith('KQ_')) environment[name] = value;
  }
  environment.KQ_JSON = JSON.stringify(fields);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    environment[`KQ_${name.toUpperCase()}`] = String(value);
  }
  return environment;
}

/**
 * Run a command to its end, without a shell. The event is in its environment,
 * never among its arguments.
 *
 * @returns Its exit code, 128 and more if a signal ended it.
 * @throws {Failure} If it cannot be started.
 */
export function execute(
  [file, ...args]: readonly string[],
  event: OutputEvent,
  ownsStdin: boolean,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: makeEnvironment(event),
      stdio: [ownsStdin ? 'ignore' : 'inherit', 'inherit', 'inherit'],
      shell: false,
    });
    const end = (): void => {
      child.kill('SIGTERM');
    };
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    child.once('error', (error: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', end);
      const isMissing = error.code === 'ENOENT';
      const why = isMissing ? 'there is no such command' : error.message;
      reject(
        new Failure(`cannot run '${file}': ${why}`, isMissing ? 127 : 126),
      );
    });
    child.once('close', (code, by) => {
      signal.removeEventListener('abort', end);
      resolve(codeOf(code, by) ?? 1);
    });
  });
}
