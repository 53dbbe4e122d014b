import { readFileSync, readlinkSync } from 'node:fs';
import type { Libc } from './libc.js';

const KCMP_FILE = 0;
const F_SETSIG = 10;
const F_GETSIG = 11;
const EBADF = 9;

/** No queue of the kernel of Linux has one of these marks: see QueueMarks. */
const MARKS = 28;

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

/**
 * Mark an epoll by a setting that has no effect on it. Returns a function that
 * tells whether a number is still the epoll's.
 */
export function identityOf(libc: Libc, epoll: number): (fd: number) => boolean {
  libc.fcntl(epoll, F_SETSIG, 1 + Math.floor(Math.random() * MARKS));
  const mark = libc.fcntl(epoll, F_GETSIG, 0);
  // A sandbox may forbid it.
  return mark > 0
    ? (fd) => libc.fcntl(fd, F_GETSIG, 0) === mark
    : (fd) => mayHoldQueues(fd);
}

/** Whether a number is an epoll that holds queues, or nothing. */
function mayHoldQueues(fd: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    if (info.includes('tfd:')) {
      return new RegExp(`\\bdata: +${COOKIE.toString(16)}`).test(info);
    }
    return readlinkSync(`/proc/self/fd/${fd}`).endsWith('[eventpoll]');
  } catch {
    return false;
  }
}
