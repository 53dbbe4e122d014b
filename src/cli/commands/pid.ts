import { type ExitStatus, exited, KqueueError } from '../../index.js';
import { manyOperands, parseInteger } from '../arguments.js';
import type { Command } from '../command.js';
import { codeOf } from '../exec.js';
import { EXIT, Failure } from '../failure.js';
import { FOLLOW_OPTIONS, follow } from '../follow.js';
import { merge } from '../merge.js';
import type { OutputEvent } from '../output-event.js';

const MAX_PID = 0x7fffffff;

function toOutputEvent(pid: number, { code, signal }: ExitStatus): OutputEvent {
  const ended = codeOf(code, signal);
  const how =
    code !== null
      ? `code ${code}`
      : signal !== null
        ? `by ${signal}`
        : 'in a way that is not told';
  return {
    fields: { event: 'exited', pid, code, signal },
    text: `exited  ${pid}  ${how}`,
    mood: ended === 0 ? 'good' : 'bad',
    code: ended ?? EXIT.unknown,
  };
}

async function waitForExit(
  pid: number,
  signal: AbortSignal,
): Promise<OutputEvent> {
  try {
    return toOutputEvent(pid, await exited(pid, { signal }));
  } catch (error) {
    if (error instanceof KqueueError && error.code === 'ESRCH') {
      throw new Failure(`there is no process ${pid}`);
    }
    throw error;
  }
}

/** Each process as it ends. */
async function* exits(
  pids: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<OutputEvent> {
  const stopWaits = new AbortController();
  const end = (): void => stopWaits.abort(signal.reason);
  signal.addEventListener('abort', end);
  try {
    // All are watched before the first is waited for.
    const waits = pids.map((pid) => waitForExit(pid, stopWaits.signal));
    for (const wait of waits) wait.catch(() => {});
    const pulls = waits.map((wait) => {
      let isDelivered = false;
      return async (): Promise<IteratorResult<OutputEvent, undefined>> => {
        if (isDelivered) return { done: true, value: undefined };
        isDelivered = true;
        return { done: false, value: await wait };
      };
    });
    yield* merge(pulls);
  } finally {
    signal.removeEventListener('abort', end);
    stopWaits.abort();
  }
}

export const pid: Command = {
  name: 'pid',
  usage: 'PID…',
  summary: 'wait for processes to exit, and exit as they did',
  help: `Any process can be waited for, not only a child. When all have ended, kq ends
with the code of the first that did not end with 0: 128 and its number if it was
a signal; 3 if the kernel does not tell how it ended, which on Linux before
6.15 it tells nobody but the parent. With --once it is over when the first ends.
If there is no such process, the code is 1.

Variables for --exec: KQ_EVENT (exited), KQ_PID, KQ_CODE or KQ_SIGNAL.`,
  options: FOLLOW_OPTIONS,
  run: (parsed, stop) => {
    const pids = manyOperands(parsed, 'a process id').map((given) =>
      parseInteger(given, 'a process id', 1, MAX_PID),
    );
    const all = [...new Set(pids)];
    return follow(parsed, (signal) => exits(all, signal), stop, {
      what: `waiting for ${all.length === 1 ? `process ${all[0]}` : `${all.length} processes`}`,
    });
  },
};
