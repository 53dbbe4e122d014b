import { constants } from 'node:os';
import { kill } from 'node:process';
import { childStatus } from '../ffi/index.js';
import { procStat } from '../host/index.js';
import type { ExitStatus } from '../queue/index.js';
import { exitStatus, signalNamer } from '../queue/parts.js';

/** The status of a process whose exit status is unknown. */
export const UNKNOWN: ExitStatus = { code: null, signal: null };

/**
 * Explain why EVFILT_PROC refuses a pid. There may be no such process. It may
 * be a zombie, which keeps its pid until its parent reaps it. It may be a
 * running process, because the pid was just reused or belongs to a thread.
 */
export function readProcessState(pid: number): 'gone' | 'running' | ExitStatus {
  try {
    kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'gone';
  }
  if (process.platform !== 'linux') return statusOf(childStatus(pid));
  const found = procStat(pid);
  // It existed a moment ago, so it has exited.
  if (found === undefined) return UNKNOWN;
  return found.isZombie ? statusOf(found.status) : 'running';
}

const statusOf = (status: number | undefined): ExitStatus =>
  status === undefined
    ? UNKNOWN
    : exitStatus(status, signalNamer(constants.signals));
