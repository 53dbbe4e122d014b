import { setImmediate } from '../host/index.js';
import type { Libc } from './libc.js';
import type { HandleWatch, LoopHandle } from './loop-handle.js';

const AF_INET = 2;
const SOCK_DGRAM = 2;
const CLOEXEC = 0x80000;
const F_DUPFD_CLOEXEC = 1030;

type Socket = import('node:dgram').Socket;

/** Loaded when it is first needed, which it is in worker threads only. */
const dgram = (): typeof import('node:dgram') =>
  require('node:dgram') as typeof import('node:dgram');

const nothing = (): void => {};

/**
 * Open a UDP socket at a number that `fs` knows nothing of: the handle closes
 * it, also when the thread is terminated.
 */
function openSocket(libc: Libc, lowest: number): number {
  const socket = libc.socket(AF_INET, SOCK_DGRAM | CLOEXEC, 0);
  if (socket < 0) return -1;
  const high = libc.fcntl(socket, F_DUPFD_CLOEXEC, lowest);
  const fd = high < 0 ? libc.fcntl(socket, F_DUPFD_CLOEXEC, 0) : high;
  libc.close(socket);
  return fd;
}

/**
 * Have the event loop of a worker thread watch an epoll. koffi's handle ends the
 * process if it fires while the thread is being terminated; a handle of Node's
 * own does not. There is none for an epoll, but one for UDP sockets: so the
 * epoll is put in the place of one by dup3(2) before the loop has looked at it.
 * Each time the epoll is readable, the loop tries to receive a datagram, and the
 * socket emits the error that it is no socket.
 *
 * @param onReady Called once the loop has taken the descriptor: before, the
 * epoll must be empty, as the loop ends the process if the kernel refuses.
 * @returns `undefined` if there can be none.
 */
export function watchAsSocket(
  libc: Libc,
  epoll: number,
  lowest: number,
  onReadable: () => void,
  onReady: () => void,
): HandleWatch | undefined {
  let socket: Socket;
  let fd = -1;
  try {
    socket = dgram().createSocket('udp4');
    socket.on('error', nothing);
    fd = openSocket(libc, lowest);
    if (fd < 0) throw new Error('no socket');
    socket.bind({ fd, exclusive: true });
  } catch {
    // Networks, or descriptors, may be forbidden here.
    if (fd >= 0) libc.close(fd);
    return undefined;
  }
  if (libc.dup3(epoll, fd, CLOEXEC) < 0) {
    socket.close();
    return undefined;
  }
  socket.removeAllListeners('error').on('error', onReadable);
  // The loop adds it when it polls next. An immediate may run before that, in
  // the turn that made it; one that it sets runs after.
  setImmediate(() => setImmediate(onReady));
  const handle: LoopHandle = {
    ownsFd: true,
    ref: () => socket.ref(),
    unref: () => socket.unref(),
    close: () => socket.close(),
  };
  return { fd, handle };
}
