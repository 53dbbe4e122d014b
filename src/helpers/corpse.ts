import { readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { kill } from 'node:process';
import { type ExitStatus, exitStatus } from '../exit-status.js';
import { signalNamer } from '../signal.js';

/** How a process ended of which nothing more is known. */
export const UNKNOWN: ExitStatus = { code: null, signal: null };

/**
 * What there is at a number for which a queue has no process: nothing; one that
 * has ended and was not waited for, which keeps its number until then; or one
 * that lives, because the number was just given away, or is a thread's.
 */
export function examine(pid: number): 'nothing' | 'alive' | ExitStatus {
  try {
    kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'nothing';
  }
  if (process.platform !== 'linux') return UNKNOWN;
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // proc_pid_stat(5). The name may hold anything, so count from its end.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    if (fields[0] !== 'Z' && fields[0] !== 'X') return 'alive';
    const status = Number(fields[49]) & 0xffff;
    return status !== 0 || isOpen(pid)
      ? exitStatus(status, signalNamer(constants.signals))
      : UNKNOWN;
  } catch {
    // It was there a moment ago, so it has ended.
    return UNKNOWN;
  }
}

/** Whether the status is told to this process, and not always as 0. */
function isOpen(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/cwd`);
    return true;
  } catch (error) {
    // What has ended has none, but only who may look gets to know that.
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
