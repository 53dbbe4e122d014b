import { readFileSync } from 'node:fs';
import { type ExitStatus, exited, KqueueError } from '../../index.js';
import { optionTexts, type Parsed, parseInteger } from '../arguments.js';
import type { Command } from '../command.js';
import { codeOf, EXIT, Failure, Stop, UsageError } from '../failure.js';
import { FOLLOW_OPTIONS, follow } from '../follow.js';
import { merge } from '../merge.js';
import type { OutputEvent } from '../output-event.js';
import { printNote } from '../screen.js';

const MAX_PID = 0x7fffffff;

function toOutputEvent(pid: number, { code, signal }: ExitStatus): OutputEvent {
  const ended = codeOf(code, signal);
  const how =
    code !== null
      ? `code ${code}`
      : signal !== null
        ? `by ${signal}`
        : 'in an unknown way';
  return {
    fields: { event: 'exited', pid, code, signal },
    text: `exited  ${pid}  ${how}`,
    mood: ended === 0 ? 'good' : 'bad',
    code: ended ?? EXIT.unknown,
  };
}

/**
 * Wait for a process to exit. Resolves with `undefined` if there is no such
 * process.
 */
async function waitForExit(
  pid: number,
  signal: AbortSignal,
): Promise<OutputEvent | undefined> {
  try {
    return toOutputEvent(pid, await exited(pid, { signal }));
  } catch (error) {
    if (error instanceof KqueueError && error.code === 'ESRCH') {
      return undefined;
    }
    throw error;
  }
}

/**
 * Read the process id from a file: its first word, as daemons write it. Returns
 * `undefined` if the file does not exist, because its daemon does not run.
 *
 * @throws {Failure} If it has none, or cannot be read.
 */
function readPidFile(path: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new Failure(`cannot read a process id: ${message}`);
  }
  const [word] = text.trimStart().split(/\s/);
  const pid = /^\d{1,10}$/.test(word) ? Number(word) : 0;
  if (pid < 1 || pid > MAX_PID) {
    throw new Failure(`there is no process id in '${path}'`);
  }
  return pid;
}

/** The processes to wait for. */
interface Wanted {
  readonly pids: readonly number[];
  readonly isGoneOk: boolean;
  readonly isAny: boolean;
  /** Whether a process did not exist when its id was read. */
  readonly isSomeGone: boolean;
}

/** Each process as it ends. */
async function* exits(
  { pids, isGoneOk, isAny, isSomeGone }: Wanted,
  signal: AbortSignal,
): AsyncGenerator<OutputEvent> {
  const running = new Map(
    pids.map((pid) => [pid, waitForExit(pid, signal)] as const),
  );
  for (const [pid, wait] of running) {
    const remove = (event: unknown): void => {
      if (event !== undefined) return;
      printNote(`there is no process ${pid}`);
      running.delete(pid);
    };
    wait.then(remove, () => {});
  }
  // It is known at once whether a process exists.
  await new Promise((resolve) => setImmediate(resolve));
  const isGone = isSomeGone || running.size < pids.length;
  if (isAny && isGoneOk && isGone) return;
  if (running.size === 0 && !isGoneOk) throw new Stop(EXIT.failure);
  const pulls = [...running.values()].map((wait) => {
    let isDelivered = false;
    return async (): Promise<IteratorResult<OutputEvent, undefined>> => {
      const value = isDelivered ? undefined : await wait;
      isDelivered = true;
      return value === undefined
        ? { done: true, value }
        : { done: false, value };
    };
  });
  for await (const event of merge(pulls)) {
    yield event;
    if (isAny) return;
  }
}

function wantedOf(parsed: Parsed): Wanted {
  const given = parsed.operands.map((operand) =>
    parseInteger(operand, 'a process id', 1, MAX_PID),
  );
  const files = optionTexts(parsed, 'file');
  if (given.length + files.length === 0) {
    throw new UsageError('a process id is missing');
  }
  const read = files.map((path) => {
    const pid = readPidFile(path);
    if (pid === undefined) printNote(`there is no file '${path}'`);
    return pid;
  });
  const found = read.filter((pid) => pid !== undefined);
  return {
    pids: [...new Set([...given, ...found])],
    isGoneOk: parsed.values['gone-ok'] === true,
    isAny: parsed.values.any === true,
    isSomeGone: found.length < read.length,
  };
}

export const pid: Command = {
  name: 'pid',
  usage: 'PID…',
  summary: 'wait for processes to exit, and exit with the same code',
  help: `kq waits for any process, not only for a child. It waits until all have ended,
and exits with the exit code of the last one. If a signal ended that process,
the code is 128 plus the number of the signal. If the kernel does not report how
it ended, the code is 3: Linux before 6.15 reports that only to the parent.

kq reports a process that does not exist on standard error, and waits for the
others. If none exists, the code is 1.`,
  variables: 'KQ_EVENT (exited), KQ_PID, KQ_CODE or KQ_SIGNAL',
  options: {
    any: {
      type: 'boolean',
      help: 'exit when the first process ends, with its exit code',
    },
    'gone-ok': {
      type: 'boolean',
      help: 'a process that does not exist counts as ended with code 0: if none exists, or with --any if one does not, the code is 0',
    },
    file: {
      type: 'string',
      value: 'PIDFILE',
      multiple: true,
      help: 'read a process id from the first word of a file; a missing file counts as a process that does not exist; may be repeated',
      completes: 'file',
    },
    ...FOLLOW_OPTIONS,
  },
  operands: 'pid',
  run: (parsed, stop) => {
    const wanted = wantedOf(parsed);
    const { pids } = wanted;
    return follow(parsed, (signal) => exits(wanted, signal), stop, {
      what: `waiting for ${pids.length === 1 ? `process ${pids[0]}` : `${pids.length} processes`}`,
    });
  },
};
