import { openLibrary } from './library.js';
import { nativeBlock } from './native-block.js';

const POLLIN = 1;

/** Ask poll(2) whether a descriptor is readable at this moment. */
export function readableNow(fd: number): boolean {
  const poll = openLibrary(null).func('poll', 'int', [
    'uintptr_t',
    'uintptr_t',
    'int',
  ]);
  if (poll === undefined) return false;
  // struct pollfd: fd, then events and revents of 16 bits each.
  const { i32, u32, address } = nativeBlock(8);
  i32[0] = fd;
  i32[1] = POLLIN;
  return poll(address, 1, 0) === 1 && u32[1] >>> 16 === POLLIN;
}
