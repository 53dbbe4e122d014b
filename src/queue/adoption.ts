import { checkFd, fdOwners, kevent } from '../calls/index.js';
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
  const owner = fdOwners.get(fd);
  if (owner === undefined) return;
  if (owner.isOpen()) {
    const expected = 'a queue that no other Kqueue owns';
    throw new TypeError(misuse(action, 'fd', expected, fd));
  }
  // Other code closed the descriptor of that Kqueue.
  owner.abandon();
}
