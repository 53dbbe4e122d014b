import {
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
} from './constants.js';
import type { Descriptor } from './descriptor.js';
import type { Knote } from './knote.js';
import { lowWater } from './low-water.js';
import type { Member } from './members.js';
import { isSameInode } from './probe.js';
import type { Queue } from './queue.js';

/** Where epoll has a source: see InnerEpolls. */
export const NOWHERE = -1;
export const HOME = 0;
export const SIDE = 1;

/** The condition of a descriptor that knotes watch. */
export type Aspect = 'read' | 'write' | 'vnode';

const ENDS = EPOLLHUP | EPOLLRDHUP | EPOLLERR;

/**
 * One condition of one of the user's descriptors, which the knotes of that
 * ident share. It is in at most one epoll; files are in none.
 */
export class FdSource implements Member {
  readonly queue: Queue;
  readonly descriptor: Descriptor;
  readonly aspect: Aspect;
  /** The knotes, oldest first. */
  readonly knotes: Knote[] = [];
  place: typeof NOWHERE | typeof HOME | typeof SIDE = NOWHERE;
  slot = -1;
  generation = 0;
  /** epoll reported EOF or an error, or may have: check with poll(2). */
  mayHaveEnded = true;
  /** There was nothing to read just before it was added. */
  isQuiet = false;
  /** The inotify watch of its pipe or file, or -1. */
  watch = -1;
  /** SO_RCVLOWAT of a socket at the last change, otherwise 1. */
  receiveMark = 1;
  /** Whether sending was shut down, which is permanent. */
  isSendShut = false;
  /** There was no edge since that was checked. */
  isSendChecked = false;
  /** For files: size and offset at the last evaluation. */
  size = 0;
  offset = 0;

  constructor(queue: Queue, descriptor: Descriptor, aspect: Aspect) {
    this.queue = queue;
    this.descriptor = descriptor;
    this.aspect = aspect;
  }

  /** Whether another source has the same open file, or the pipe's other end. */
  isSameFileAs({ descriptor }: FdSource): boolean {
    return isSameInode(this.descriptor, descriptor);
  }

  /** epoll reports it: post its knotes, newest first. */
  edge(bits: number): void {
    this.note(bits);
    for (let i = this.knotes.length - 1; i >= 0; i--) {
      this.post(this.knotes[i], bits);
    }
  }

  /** Store the bits that epoll reports. */
  note(bits: number): void {
    if (this.aspect === 'write') {
      this.mayHaveEnded = true;
      this.isSendChecked = false;
    } else if ((bits & ENDS) !== 0) {
      this.mayHaveEnded = true;
    }
  }

  /** Post one knote. */
  post(knote: Knote, bits: number): void {
    // Inotify reports reads and writes of a FIFO. Its opens and closes are not
    // events.
    if (this.watch >= 0 && this.descriptor.kind === 'fifo') return;
    const wanted = this.aspect === 'write' ? EPOLLOUT : EPOLLIN;
    const ready = (bits & wanted) !== 0 && (bits & (EPOLLHUP | EPOLLERR)) === 0;
    // With the default mark, the ready bit decides.
    if (ready && lowWater(knote, this.receiveMark) === 1)
      this.queue.knotes.activate(knote);
    else this.queue.knotes.post(knote);
  }
}

/** All knotes on some descriptors, newest first. */
export function knotesOf(sources: Iterable<FdSource>): readonly Knote[] {
  const knotes: Knote[] = [];
  for (const source of sources) knotes.push(...source.knotes);
  return knotes.sort((a, b) => b.serial - a.serial);
}
