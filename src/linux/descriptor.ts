import type { Queue } from './queue.js';

/**
 * The kind of a descriptor, as far as filters distinguish it. Block devices and
 * symbolic links count as directories: only EVFILT_VNODE can watch them.
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

/** The state of an open file when its descriptor was registered. */
export interface Descriptor {
  readonly fd: number;
  readonly kind: Kind;
  readonly device: number;
  /** The low word of the inode number; a socket has only this word. */
  readonly inode: number;
  readonly inodeHigh: number;
  /**
   * Distinguishes the files that had this inode number, one after the other; -1
   * if unknown. Only what is opened by a name has one.
   */
  readonly inodeGeneration: number;
  /**
   * Whether it is open for reading and for writing. The ends of a pipe differ
   * in this.
   */
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

export type Access = Pick<Descriptor, 'reads' | 'writes'>;

const O_ACCMODE = 3;
const O_WRONLY = 1;
const O_RDWR = 2;

/** By the flags of open(2). */
export function accessOf(flags: number): Access {
  const mode = flags & O_ACCMODE;
  return {
    reads: mode !== O_WRONLY,
    writes: mode === O_WRONLY || mode === O_RDWR,
  };
}

/**
 * Whether both are open for the same access, which the ends of a pipe are not.
 */
export const isSameAccess = (a: Access, b: Access): boolean =>
  a.reads === b.reads && a.writes === b.writes;
