import { closeSync, openSync } from 'node:fs';
import { koffi } from './koffi.js';
import type { Libc } from './libc.js';
import { isMainThread } from './thread.js';

const CLOEXEC = 0x80000;

/**
 * Descriptors in a worker thread. A thread that is terminated, or exits, runs
 * nothing any more that could close what it has open; but Node itself closes
 * what the thread opened through `fs`, and goes by the numbers. So:
 *
 * - what the kernel of a thread opens is moved to a number that `fs` gave out;
 * - what it closes is closed through `fs`. Else Node would close the number
 *   again when the thread ends, whoever has it by then.
 *
 * The main thread needs none of this: with it ends the process.
 */
export function forThread(libc: Libc): Libc {
  if (isMainThread() || !('node' in process.versions)) return libc;
  const setErrno = (errno: number): void => {
    koffi().errno(errno);
  };

  /** Move a descriptor that was just opened to a number Node knows of. */
  const own = (fd: number): number => {
    if (fd < 0) return fd;
    let known: number;
    try {
      known = openSync('/dev/null', 'r');
    } catch (error) {
      const { code, errno = 0 } = error as NodeJS.ErrnoException;
      // It may only be that files are not to be opened: then it stays.
      if (code !== 'EMFILE' && code !== 'ENFILE') return fd;
      libc.close(fd);
      setErrno(-errno);
      return -1;
    }
    // Something may have taken the place of `fs`.
    if (libc.dup3(fd, known, CLOEXEC) < 0) return fd;
    libc.close(fd);
    return known;
  };

  const close = (fd: number): number => {
    const { emitWarning } = process;
    // It is no mistake to close here what was not opened through `fs`.
    process.emitWarning = () => {};
    try {
      closeSync(fd);
      return 0;
    } catch (error) {
      setErrno(-((error as NodeJS.ErrnoException).errno ?? 0));
      return -1;
    } finally {
      process.emitWarning = emitWarning;
    }
  };

  return {
    ...libc,
    close,
    epollCreate: (flags) => own(libc.epollCreate(flags)),
    eventfd: (initial, flags) => own(libc.eventfd(initial, flags)),
    timerfdCreate: (clock, flags) => own(libc.timerfdCreate(clock, flags)),
    inotifyInit: (flags) => own(libc.inotifyInit(flags)),
    pidfdOpen: (pid, flags) => own(libc.pidfdOpen(pid, flags)),
    socket: (domain, type, protocol) =>
      own(libc.socket(domain, type, protocol)),
  };
}
