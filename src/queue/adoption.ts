import { checkFd, fdOwners, kevent, queueOf } from '../calls/index.js';
import { misuse } from '../errors.js';

/**
 * Check that a descriptor is a queue that a Kqueue may adopt.
 *
 * @throws {TypeError | RangeError} If it is not a descriptor, or belongs to another
 * Kqueue.
 * @throws {KqueueError} `EBADF` if it is not an open queue.
 */
export function checkAdoptable(fd: number): void {
  const action = 'adopt a queue';
  checkFd(action, 'fd', fd);
  kevent(fd, null, null, 0);
  const { id } = queueOf(fd);
  for (const owner of [...fdOwners.values()]) {
    const isSameFd = owner.queue.fd === fd;
    // It may be a duplicate, as far as the kernel shows.
    if (!isSameFd && (id === undefined || owner.queue.id !== id)) continue;
    if (owner.isOpen()) {
      const expected = 'a queue that no other Kqueue owns';
      throw new TypeError(misuse(action, 'fd', expected, fd));
    }
    // Other code closed the descriptor of that Kqueue.
    owner.abandon();
  }
}
