import { readFileSync, readlinkSync } from 'node:fs';

/** The state of a process that every process may read on Linux. */
export interface ProcStat {
  /** It is a zombie: it has ended, and keeps its pid until it is reaped. */
  readonly isZombie: boolean;
  /** The exit status as wait(2) returns it, if this process may see it. */
  readonly status: number | undefined;
}

/** Read proc_pid_stat(5). Returns `undefined` if there is no such process. */
export function procStat(pid: number): ProcStat | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name may contain anything, so parse from its end.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const isZombie = fields[0] === 'Z' || fields[0] === 'X';
  const status = Number(fields[49]) & 0xffff;
  const isVisible = isZombie && (status !== 0 || canReadStatus(pid));
  return { isZombie, status: isVisible ? status : undefined };
}

/** Whether the kernel shows this process the exit status, and not only 0. */
function canReadStatus(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/cwd`);
    return true;
  } catch (error) {
    // A zombie has no file, but only privileged readers see the difference.
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
