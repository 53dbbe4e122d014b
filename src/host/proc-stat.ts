import { readFileSync, readlinkSync } from 'node:fs';

/** The state of a process that any other may read on Linux. */
export interface ProcStat {
  /** It has ended, and keeps its number until it is waited for. */
  readonly isZombie: boolean;
  /** How it ended, as wait(2) gives it, if this process may know. */
  readonly status: number | undefined;
}

/** Read proc_pid_stat(5): `undefined` if there is no such process. */
export function procStat(pid: number): ProcStat | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name may hold anything, so count from its end.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const isZombie = fields[0] === 'Z' || fields[0] === 'X';
  const status = Number(fields[49]) & 0xffff;
  const isVisible = isZombie && (status !== 0 || canReadStatus(pid));
  return { isZombie, status: isVisible ? status : undefined };
}

/** Whether the kernel shows the exit status to this process, and not just 0. */
function canReadStatus(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/cwd`);
    return true;
  } catch (error) {
    // A process that ended has none, but only privileged readers learn that.
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
