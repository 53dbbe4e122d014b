import {
  D,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLPRI,
  EPOLLRDHUP,
  POLLNVAL,
} from '../constants.js';
import { type Knote, setData } from '../knote.js';
import { lowWater } from '../low-water.js';
import type { Probe } from '../probe.js';
import { type Refusal, reasonOfRefusal, refuseExcept } from '../refusal.js';
import type { FdSource } from '../source.js';
import type { UnixDiag } from '../unix-diag.js';
import { type Filter, touchSource } from './filter.js';

const SOCK_SEQPACKET = 5;

/** EVFILT_READ, and EVFILT_EXCEPT, which refuses more: rules G and H. */
export class ReadFilter implements Filter {
  readonly #probe: Probe;
  readonly #diag: UnixDiag;
  readonly #refuses: Refusal;

  constructor(probe: Probe, diag: UnixDiag, refuses: Refusal) {
    this.#probe = probe;
    this.#diag = diag;
    this.#refuses = refuses;
  }

  attach(knote: Knote): number {
    return knote.queue.sources.attach(knote, 'read', this.#refuses);
  }

  touch(knote: Knote, fflags: number, low: number, high: number): number {
    return touchSource(knote, fflags, low, high);
  }

  evaluate(knote: Knote): boolean {
    const { source } = knote;
    if (source === null) return false;
    switch (source.descriptor.kind) {
      case 'pipe':
        return this.#pipe(knote, source);
      case 'fifo':
        return this.#fifo(knote, source);
      case 'socket':
        return this.#socket(knote, source);
      case 'terminal':
        return this.#terminal(knote, source);
      case 'file':
        return this.#file(knote, source);
      case 'kqueue':
        return this.#queue(knote, source);
      case 'device':
        setData(knote, 1);
        return true;
      default:
        return false;
    }
  }

  delivered(knote: Knote): void {
    if ((knote.flags & D.EV_CLEAR) !== 0) knote.fflags = 0;
  }

  detach(knote: Knote): void {
    knote.queue.sources.detach(knote);
  }

  reason(errno: number): string | undefined {
    const watched =
      this.#refuses === refuseExcept
        ? 'sockets'
        : 'files, pipes, sockets, terminals and queues';
    return reasonOfRefusal(errno, watched);
  }

  #pipe(knote: Knote, source: FdSource): boolean {
    const { fd, reads } = source.descriptor;
    const probe = this.#probe;
    if (source.isQuiet) {
      // epoll reports what arrived since.
      source.isQuiet = false;
      return false;
    }
    if (source.mayHaveEnded) {
      const bits = probe.poll(fd, 0);
      // Other code closed the descriptor. If it is put back, EOF still has to
      // be reported.
      if ((bits & POLLNVAL) !== 0) return false;
      source.mayHaveEnded = (bits & (EPOLLHUP | EPOLLERR)) !== 0;
    }
    const ended = source.mayHaveEnded;
    if (ended) knote.flags |= D.EV_EOF;
    // The write end of a pipe waits for the other side to close.
    const bytes = reads ? probe.readable(fd) : 0;
    setData(knote, Math.max(bytes, 0));
    if (ended) return true;
    if (!reads) return false;
    const mark = lowWater(knote, 1);
    if (bytes >= mark || mark === 1) return bytes >= mark;
    const capacity = probe.pipeCapacity(fd);
    // A full pipe uses at least half of each page.
    return bytes >= capacity / 2 && probe.isPipeFull(fd);
  }

  #fifo(knote: Knote, source: FdSource): boolean {
    const bytes = this.#probe.readable(source.descriptor.fd);
    setData(knote, bytes);
    return bytes > 0;
  }

  #socket(knote: Knote, source: FdSource): boolean {
    const probe = this.#probe;
    const { fd, isStream } = source.descriptor;
    const bytes = probe.readable(fd);
    if (bytes < 0) return this.#listening(knote, source);
    setData(knote, bytes);
    if ((knote.requestedFflags & D.NOTE_OOB) !== 0 && this.#urgent(fd)) {
      knote.fflags |= D.NOTE_OOB;
      // FIONREAD counts only the bytes before the urgent mark.
      setData(knote, 0);
      return true;
    }
    const mark = lowWater(knote, source.receiveMark);
    if (bytes >= mark && !source.mayHaveEnded) return true;
    const bits = probe.poll(fd, EPOLLIN | EPOLLRDHUP);
    source.mayHaveEnded = (bits & EPOLLRDHUP) !== 0;
    if (source.mayHaveEnded) {
      knote.flags |= D.EV_EOF;
      return true;
    }
    // A connection that failed reports an error. A socket that was never
    // connected reports only a hang-up.
    if ((bits & EPOLLERR) !== 0) return true;
    if (bytes >= mark) return true;
    if (bytes > 0) return this.#isFull(source);
    if ((bits & EPOLLIN) === 0) return false;
    // An empty datagram can be read too.
    if (!isStream) return true;
    // At the urgent mark FIONREAD does not count the bytes after it.
    const beyond = probe.peek(fd);
    setData(knote, beyond);
    return beyond >= mark || this.#isFull(source);
  }

  #urgent(fd: number): boolean {
    return (this.#probe.poll(fd, EPOLLPRI) & EPOLLPRI) !== 0;
  }

  #listening(knote: Knote, source: FdSource): boolean {
    const { fd, isUnix, inode } = source.descriptor;
    const ready = (this.#probe.poll(fd, EPOLLIN) & EPOLLIN) !== 0;
    const waiting = !ready
      ? 0
      : isUnix
        ? (this.#diag.backlog(inode) ?? 1)
        : Math.max(this.#probe.tcpBacklog(fd), 1);
    setData(knote, waiting);
    return waiting > 0;
  }

  /**
   * A mark that the buffer cannot reach counts as reached when the buffer is
   * full. It also counts as reached if that cannot be determined; otherwise the
   * wait might never end.
   */
  #isFull(source: FdSource): boolean {
    const { fd, isUnix, isStream, inode } = source.descriptor;
    const isConnected =
      isStream || (isUnix && this.#probe.socketType(fd) === SOCK_SEQPACKET);
    if (!isConnected) return false;
    return isUnix
      ? (this.#diag.peerIsStuck(inode) ?? true)
      : this.#probe.tcpIsFull(fd);
  }

  #terminal(knote: Knote, source: FdSource): boolean {
    const { fd } = source.descriptor;
    const bits = this.#probe.poll(fd, EPOLLIN);
    const bytes = Math.max(this.#probe.readable(fd), 0);
    if ((bits & EPOLLHUP) !== 0) {
      setData(knote, bytes);
      knote.flags |= D.EV_EOF;
      return true;
    }
    // FIONREAD does not count a typed end-of-file character.
    setData(knote, Math.max(bytes, 1));
    // In raw mode below VMIN there are bytes, but read(2) would block.
    return (bits & EPOLLIN) !== 0;
  }

  #file(knote: Knote, source: FdSource): boolean {
    const { fd } = source.descriptor;
    source.size = this.#probe.size(fd);
    source.offset = this.#probe.offset(fd);
    if (source.size < 0 || source.offset < 0) return false;
    setData(knote, source.size - source.offset);
    return source.size !== source.offset;
  }

  #queue(knote: Knote, source: FdSource): boolean {
    const child = source.descriptor.queue;
    if (child === null) return false;
    child.pollSources();
    // On Darwin a closed descriptor has no events that would count.
    child.sources.dropStalePending();
    setData(knote, child.knotes.pendingCount);
    return child.knotes.pendingCount > 0;
  }
}
