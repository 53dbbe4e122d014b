import { readFileSync } from 'node:fs';
import type { Libc } from './libc.js';

const KCMP_FILE = 0;
const EBADF = 9;

/**
 * Marks the events of queues, so that another epoll is not mistaken for ours.
 */
export const COOKIE = 0x6b717565;

/** Whether two numbers are the same open file. */
export function areOneFile(libc: Libc, one: number, other: number): boolean {
  const { pid } = process;
  const order = libc.kcmp(pid, pid, KCMP_FILE, one, other);
  // Unknown if kcmp(2) is forbidden.
  return order === 0 || (order < 0 && libc.errno() !== EBADF);
}

/** Whether a number is still the epoll's. */
export function holdsQueues(fd: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    return new RegExp(`\\bdata: +${COOKIE.toString(16)}`).test(info);
  } catch {
    return false;
  }
}
