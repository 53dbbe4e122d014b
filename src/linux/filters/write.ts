import {
  D,
  EPOLLERR,
  EPOLLHUP,
  EPOLLOUT,
  EPOLLRDHUP,
  POLLNVAL,
} from '../constants.js';
import { type Knote, setData } from '../knote.js';
import { lowWater } from '../low-water.js';
import type { Probe } from '../probe.js';
import { reasonOfRefusal, refuseWrite } from '../refusal.js';
import type { FdSource } from '../source.js';
import type { UnixDiag } from '../unix-diag.js';
import { type Filter, touchSource } from './filter.js';

/** Darwin's PIPE_BUF: less free space counts as none. */
const PIPE_MARK = 512;

/**
 * TCP states after only this side shut down sending: FIN_WAIT1 and FIN_WAIT2.
 * If both sides have, poll(2) shows that.
 */
const TCP_SEND_SHUT = new Set([4, 5]);

/** EVFILT_WRITE: rules G. */
export class WriteFilter implements Filter {
  readonly #probe: Probe;
  readonly #diag: UnixDiag;

  constructor(probe: Probe, diag: UnixDiag) {
    this.#probe = probe;
    this.#diag = diag;
  }

  attach(knote: Knote): number {
    return knote.queue.sources.attach(knote, 'write', refuseWrite);
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
        source.size = this.#probe.size(source.descriptor.fd);
        source.offset = this.#probe.offset(source.descriptor.fd);
        setData(knote, 1);
        return true;
      case 'device':
        setData(knote, 1);
        return true;
      default:
        return false;
    }
  }

  delivered(): void {}

  detach(knote: Knote): void {
    knote.queue.sources.detach(knote);
  }

  reason(errno: number): string | undefined {
    return reasonOfRefusal(errno, 'files, pipes, sockets and terminals');
  }

  #pipe(knote: Knote, source: FdSource): boolean {
    const { fd, writes } = source.descriptor;
    const probe = this.#probe;
    const bits = probe.poll(fd, EPOLLOUT);
    // Other code closed the descriptor. If it is put back, EOF still has to be
    // reported.
    if ((bits & POLLNVAL) !== 0) return false;
    // EOF that epoll has not reported yet comes after this event.
    if (source.mayHaveEnded) {
      source.mayHaveEnded = (bits & (EPOLLERR | EPOLLHUP)) !== 0;
    }
    if (source.mayHaveEnded) {
      knote.flags |= D.EV_EOF;
      setData(knote, 0);
      return true;
    }
    // The read end of a pipe waits for the other side to close.
    if (!writes) return false;
    const capacity = probe.pipeCapacity(fd);
    const free = capacity - probe.readable(fd);
    setData(knote, free);
    const mark = Math.min(lowWater(knote, PIPE_MARK), capacity);
    return (bits & EPOLLOUT) !== 0 && free >= mark;
  }

  #fifo(knote: Knote, source: FdSource): boolean {
    const { fd } = source.descriptor;
    const probe = this.#probe;
    setData(knote, probe.pipeCapacity(fd) - probe.readable(fd));
    return (probe.poll(fd, EPOLLOUT) & EPOLLOUT) !== 0;
  }

  #socket(knote: Knote, source: FdSource): boolean {
    const probe = this.#probe;
    const { fd } = source.descriptor;
    const bits = probe.poll(fd, EPOLLOUT | EPOLLRDHUP);
    const free = this.#free(fd);
    setData(knote, free);
    const hungUp = (bits & EPOLLHUP) !== 0;
    // If both sides are shut down it is EOF. A hang-up alone is a socket that
    // was never connected.
    const ended = hungUp && (bits & EPOLLRDHUP) !== 0;
    if (ended || this.#sendIsShut(source)) {
      knote.flags |= D.EV_EOF;
      return true;
    }
    if (hungUp) return false;
    if ((bits & EPOLLERR) !== 0) return true;
    if ((bits & EPOLLOUT) === 0) return false;
    // A mark beyond the buffer counts as the size of the buffer: an empty
    // buffer reaches it.
    return free >= lowWater(knote, 1) || probe.unsent(fd) === 0;
  }

  #free(fd: number): number {
    const unsent = Math.max(this.#probe.unsent(fd), 0);
    return Math.max(this.#probe.sendBuffer(fd) - unsent, 1);
  }

  /** Whether this side shut down sending. Checked again after each edge. */
  #sendIsShut(source: FdSource): boolean {
    if (source.isSendShut || source.isSendChecked) return source.isSendShut;
    source.isSendChecked = true;
    const { fd, inode, isUnix, isStream } = source.descriptor;
    if (isUnix) {
      const isShut = isStream
        ? this.#sendFails(source)
        : this.#diag.sendIsShut(inode);
      // Unknown for lack of memory or permission: the next evaluation checks
      // again.
      source.isSendChecked = isShut !== undefined;
      source.isSendShut = isShut ?? false;
    } else if (isStream) {
      source.isSendShut = TCP_SEND_SHUT.has(this.#probe.tcpState(fd));
    }
    return source.isSendShut;
  }

  /** Whether a send fails; `undefined` if the descriptor is another file. */
  #sendFails(source: FdSource): boolean | undefined {
    // On a datagram socket, a send of 0 bytes sends an empty datagram.
    return source.queue.kernel.identity.isCurrent(source)
      ? this.#probe.unixSendFails(source.descriptor.fd)
      : undefined;
  }

  #terminal(knote: Knote, source: FdSource): boolean {
    const { fd } = source.descriptor;
    const bits = this.#probe.poll(fd, EPOLLOUT);
    setData(knote, 1);
    if ((bits & EPOLLHUP) !== 0) {
      knote.flags |= D.EV_EOF;
      return true;
    }
    return (bits & EPOLLOUT) !== 0;
  }
}
