import { readFileSync } from 'node:fs';
import type { Libc } from './libc.js';

const KCMP_FILE = 0;
const EBADF = 9;

/** Marks the events of queues, lest another epoll is taken for ours. */
export const COOKIE = 0x6b717565;

/** Whether two numbers are one open file. */
export function areOneFile(libc: Libc, one: number, other: number): boolean {
  const { pid } = process;
  const order = libc.kcmp(pid, pid, KCMP_FILE, one, other);
  // Where kcmp(2) is forbidden, nothing is known.
  return order === 0 || (order < 0 && libc.errno() !== EBADF);
}

/** Whether a number is that of the epoll, and not somebody else's by now. */
export function holdsQueues(fd: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    return new RegExp(`\\bdata: +${COOKIE.toString(16)}`).test(info);
  } catch {
    return false;
  }
}
