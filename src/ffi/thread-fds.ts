import { closeSync, openSync } from 'node:fs';
import { koffi } from './koffi.js';
import type { Libc } from './libc.js';
import { isMainThread } from './thread.js';

const CLOEXEC = 0x80000;

/**
 * Descriptors in a worker thread. When a thread exits or is terminated, no code
 * of ours runs that could close its descriptors. Node.js closes the numbers
 * that the thread opened through `fs`. So a descriptor that the kernel of a
 * thread opens is moved to a number from `fs`, and closed through `fs`.
 * Otherwise Node.js would close the number again, even if it is another file by
 * then. The main thread needs none of this, because the process ends with it.
 */
export function forThread(libc: Libc): Libc {
  if (isMainThread() || !('node' in process.versions)) return libc;
  const setErrno = (errno: number): void => {
    koffi().errno(errno);
  };

  /** Move a descriptor that was just opened to a number that Node.js tracks. */
  const own = (fd: number): number => {
    if (fd < 0) return fd;
    let known: number;
    try {
      known = openSync('/dev/null', 'r');
    } catch (error) {
      const { code, errno = 0 } = error as NodeJS.ErrnoException;
      // Perhaps files may not be opened: then it keeps its number.
      if (code !== 'EMFILE' && code !== 'ENFILE') return fd;
      libc.close(fd);
      setErrno(-errno);
      return -1;
    }
    // `fs` may have been replaced.
    if (libc.dup3(fd, known, CLOEXEC) < 0) return fd;
    libc.close(fd);
    return known;
  };

  const close = (fd: number): number => {
    const { emitWarning } = process;
    // Closing a number that was not opened through `fs` is not an error here.
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
