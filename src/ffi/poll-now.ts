import { openLibrary } from './library.js';
import { type NativeBlock, nativeBlock } from './native-block.js';

const POLLIN = 1;
const POLLERR = 8;
const POLLHUP = 16;

type Poll = (fds: number, count: number, timeout: number) => number;

let found: { readonly poll: Poll; readonly pollfd: NativeBlock } | undefined;

/** Poll a descriptor now with poll(2). Returns 0 if it is not ready. */
function pollNow(fd: number, events: number): number {
  if (found === undefined) {
    const poll = openLibrary(null).func('poll', 'int', [
      'uintptr_t',
      'uintptr_t',
      'int',
    ]);
    if (poll === undefined) return 0;
    found = { poll: poll as Poll, pollfd: nativeBlock(8) };
  }
  // struct pollfd: fd, then events and revents of 16 bits each.
  const { i32, u32, address } = found.pollfd;
  i32[0] = fd;
  i32[1] = events;
  return found.poll(address, 1, 0) === 1 ? u32[1] >>> 16 : 0;
}

/** Whether a descriptor is readable now, without an error or a hang-up. */
export const readableNow = (fd: number): boolean =>
  pollNow(fd, POLLIN) === POLLIN;

/** Whether the other side of a pipe has closed. */
export const hasHungUp = (fd: number): boolean =>
  (pollNow(fd, 0) & (POLLHUP | POLLERR)) !== 0;
