import type { Socket } from 'node:net';

/** The descriptor of a socket. */
export const fdOf = (socket: Socket): number =>
  (socket as unknown as { _handle: { fd: number } })._handle.fd;
