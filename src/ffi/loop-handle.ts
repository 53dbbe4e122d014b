import { koffi } from './koffi.js';
import type { Libc } from './libc.js';

const EPOLLIN = 0x1;
const EPOLL_CTL_ADD = 1;

/** A handle of the event loop that watches one descriptor. */
export interface LoopHandle {
  /** Whether closing it closes the descriptor. */
  readonly ownsFd: boolean;
  ref(): unknown;
  unref(): unknown;
  close(): unknown;
}

/** A descriptor that the event loop of this thread watches, and its handle. */
export interface HandleWatch {
  readonly fd: number;
  readonly handle: LoopHandle;
}

/**
 * Add the epoll, which is empty still, to the event loop's own. The loop would do
 * so when it polls next, and end the process if the kernel refused: too late, as
 * the epoll may hold queues by then. What is there already the loop only modifies,
 * which is never refused.
 */
export function addToLoop(libc: Libc, loop: number, fd: number): boolean {
  const { i32, address } = libc.scratch;
  const data = libc.epollEventSize === 12 ? 1 : 2;
  i32[0] = EPOLLIN;
  i32[data] = fd;
  i32[data + 1] = 0;
  return libc.epollCtl(loop, EPOLL_CTL_ADD, fd, address) === 0;
}

/** Watch a descriptor with koffi's handle: in the main thread only. */
export function watchWithPoll(
  fd: number,
  onReadable: (status: unknown) => void,
): HandleWatch {
  const handle = koffi().node.poll(fd, { readable: true }, onReadable);
  return {
    fd,
    handle: {
      ownsFd: false,
      ref: () => handle.ref(),
      unref: () => handle.unref(),
      close: () => handle.close(),
    },
  };
}
