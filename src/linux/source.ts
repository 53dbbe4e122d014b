import type { Knote } from './knote.js';
import type { Queue } from './queue.js';

/** What a descriptor is, as far as the filters tell descriptors apart. */
export type Kind =
  | 'pipe'
  | 'fifo'
  | 'socket'
  | 'terminal'
  | 'file'
  | 'device'
  | 'kqueue'
  | 'directory'
  | 'other';

/** What is learned of a descriptor when something begins to watch it. */
export interface Descriptor {
  readonly fd: number;
  readonly kind: Kind;
  /** Device and inode, to tell another file at the same number. */
  readonly identity: string;
  readonly inode: number;
  /** Open for reading, for writing: the ends of a pipe differ in it. */
  readonly reads: boolean;
  readonly writes: boolean;
  /** AF_UNIX and SOCK_STREAM, for sockets. */
  readonly isUnix: boolean;
  readonly isStream: boolean;
  /** The queue, for a kqueue. */
  readonly queue: Queue | null;
}

/** The first word of epoll data of what is no descriptor of the user's. */
export const SLOT_TIMER = -1;
export const SLOT_SLEEP_TIMER = -2;
export const SLOT_WATCHER = -3;

/**
 * One descriptor of the user's in one direction: what the knotes of that
 * ident share. In an epoll at most once; regular files are in none.
 */
export interface FdSource {
  readonly descriptor: Descriptor;
  readonly writing: boolean;
  /** Oldest first. */
  readonly knotes: Knote[];
  /** The epoll it is in, or -1. */
  epoll: number;
  bits: number;
  /** What epoll gives back for it. */
  slot: number;
  generation: number;
  /** poll(2) must be asked: an end or an error was seen, or may have been. */
  endSeen: boolean;
  /** The inotify watch of its pipe or file, or -1. */
  watch: number;
  /** SO_RCVLOWAT of a socket when it began to be watched, else 1. */
  receiveMark: number;
  /** Sending was shut down: this does not change back. */
  sendShut: boolean;
  /** Files: size and offset when last looked at. */
  size: number;
  offset: number;
}
