import type { Queue } from './queue.js';

/**
 * The kind of a descriptor, as far as filters distinguish kinds. Block
 * devices and symbolic links count as directories: they can be watched for
 * EVFILT_VNODE and for nothing else.
 */
export type Kind =
  | 'pipe'
  | 'fifo'
  | 'socket'
  | 'terminal'
  | 'file'
  | 'directory'
  | 'device'
  | 'kqueue'
  | 'other';

/** An open file, as it was when its descriptor was registered. */
export interface Descriptor {
  readonly fd: number;
  readonly kind: Kind;
  readonly device: number;
  /** The low word; a socket's has no other. */
  readonly inode: number;
  readonly inodeHigh: number;
  /** Open for reading, for writing: the ends of a pipe differ in it. */
  readonly reads: boolean;
  readonly writes: boolean;
  /** Made by memfd_create(2): no file system reports its writes. */
  readonly isMemfd: boolean;
  /** AF_UNIX and SOCK_STREAM, for sockets. */
  readonly isUnix: boolean;
  readonly isStream: boolean;
  /** The queue, for a kqueue. */
  readonly queue: Queue | null;
}

/** Whether it is one end of a pipe, or a named pipe. */
export const isPipe = ({ kind }: Descriptor): boolean =>
  kind === 'pipe' || kind === 'fifo';

type Access = Pick<Descriptor, 'reads' | 'writes'>;

/** Whether both are open for the same: the ends of a pipe are not. */
export const isSameAccess = (a: Access, b: Access): boolean =>
  a.reads === b.reads && a.writes === b.writes;
