import {
  type ChildProcess,
  type StdioOptions,
  spawn,
} from 'node:child_process';
import { codeOf, Failure } from './failure.js';
import type { OutputEvent } from './output-event.js';

/** How to start a command. */
export interface ExecSettings {
  /** The words of the command: the file, then the arguments. */
  readonly words: readonly string[];
  /** Whether kq reads standard input itself, so that the command may not. */
  readonly ownsStdin: boolean;
  /** A descriptor that the command inherits. */
  readonly fd: number | undefined;
}

/** The variables that describe an event to a command. */
function makeEnvironment({ fields }: OutputEvent): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  // The variables of an outer kq describe another event.
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

/** Standard input, output and error, and a descriptor of kq at its number. */
function makeStdio({ ownsStdin, fd }: ExecSettings): StdioOptions {
  const stdio: ('ignore' | 'inherit' | number)[] = [
    ownsStdin ? 'ignore' : 'inherit',
    'inherit',
    'inherit',
  ];
  if (fd === undefined || fd < stdio.length) return stdio;
  // With 'ignore' a descriptor above 2 stays closed.
  while (stdio.length < fd) stdio.push('ignore');
  return [...stdio, fd];
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  /** The exit code; 128 plus the signal if a signal ended it. */
  readonly ended: Promise<number>;
}

/**
 * Start a command, without a shell. The environment describes the event; no
 * part of the event is an argument.
 *
 * @param isLeader Whether it leads a session, and so a process group.
 * @throws {Failure} If it cannot be started.
 */
export async function start(
  settings: ExecSettings,
  event: OutputEvent,
  isLeader = false,
): Promise<Running> {
  const [file, ...args] = settings.words;
  const child = spawn(file, args, {
    env: makeEnvironment(event),
    stdio: makeStdio(settings),
    shell: false,
    detached: isLeader,
  });
  const ended = new Promise<number>((resolve) => {
    child.once('exit', (code, by) => resolve(codeOf(code, by) ?? 1));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      const why = isMissing ? 'there is no such command' : error.message;
      reject(
        new Failure(`cannot run '${file}': ${why}`, isMissing ? 127 : 126),
      );
    });
  });
  return { child, ended };
}
