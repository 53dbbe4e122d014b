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

/** The aspect of a descriptor that knotes watch. */
export type Aspect = 'read' | 'write' | 'vnode';

const ENDS = EPOLLHUP | EPOLLRDHUP | EPOLLERR;

/**
 * One aspect of one of the user's descriptors: what the knotes of that ident
 * share. In an epoll at most once; files are in none.
 */
export class FdSource implements Member {
  readonly queue: Queue;
  readonly descriptor: Descriptor;
  readonly aspect: Aspect;
  /** Oldest first. */
  readonly knotes: Knote[] = [];
  /** The epoll it is in, or -1. */
  epoll = -1;
  slot = -1;
  generation = 0;
  /** Epoll reported an end or an error, or may have: poll(2) tells. */
  mayHaveEnded = true;
  /** The inotify watch of its pipe or file, or -1. */
  watch = -1;
  /** SO_RCVLOWAT of a socket when a change named it last, else 1. */
  receiveMark = 1;
  /** Whether sending was shut down, which does not change back. */
  isSendShut = false;
  /** No edge has come since that was checked. */
  isSendChecked = false;
  /** Files: size and offset when last evaluated. */
  size = 0;
  offset = 0;

  constructor(queue: Queue, descriptor: Descriptor, aspect: Aspect) {
    this.queue = queue;
    this.descriptor = descriptor;
    this.aspect = aspect;
  }

  /** Whether another is of the same open file, or the pipe's other end. */
  isSameFileAs({ descriptor }: FdSource): boolean {
    return isSameInode(this.descriptor, descriptor);
  }

  /** Epoll reports it: post its knotes, newest first. */
  edge(bits: number): void {
    this.note(bits);
    for (let i = this.knotes.length - 1; i >= 0; i--) {
      this.post(this.knotes[i], bits);
    }
  }

  /** Remember what epoll reports. */
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
    // Inotify reports a FIFO's reads and writes; its ends are no event.
    if (this.watch >= 0 && this.descriptor.kind === 'fifo') return;
    const wanted = this.aspect === 'write' ? EPOLLOUT : EPOLLIN;
    const ready = (bits & wanted) !== 0 && (bits & (EPOLLHUP | EPOLLERR)) === 0;
    // With the default mark the ready bit is the answer.
    if (ready && lowWater(knote, this.receiveMark) === 1)
      this.queue.knotes.activate(knote);
    else this.queue.knotes.post(knote);
  }
}

/** All that hangs on some descriptors, newest first. */
export function knotesOf(sources: Iterable<FdSource>): readonly Knote[] {
  const knotes: Knote[] = [];
  for (const source of sources) knotes.push(...source.knotes);
  return knotes.sort((a, b) => b.serial - a.serial);
}
