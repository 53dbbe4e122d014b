import { constants } from 'node:os';
import { kill } from 'node:process';
import { procStat } from '../host/index.js';
import { type ExitStatus, exitStatus, signalNamer } from '../queue/index.js';

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
  const found = procStat(pid);
  // It was there a moment ago, so it has ended.
  if (found === undefined) return UNKNOWN;
  if (!found.isZombie) return 'alive';
  return found.status === undefined
    ? UNKNOWN
    : exitStatus(found.status, signalNamer(constants.signals));
}
