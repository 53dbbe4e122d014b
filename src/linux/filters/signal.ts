import type { Libc } from '../../ffi/index.js';
import { D, DE, EPOLLET, EPOLLIN } from '../constants.js';
import { toDouble } from '../int64.js';
import { type Knote, setData } from '../knote.js';
import type { OwnMember } from '../own-members.js';
import type { Queue } from '../queue.js';
import { Signals } from '../signals.js';
import type { Filter } from './filter.js';

/** libuv's signal pipe in the inner epoll of a queue. */
class PipeMember implements OwnMember {
  slot = -1;
  generation = 0;
  knotes = 0;
  /** All queues that count signals share its pipe. */
  readonly holder: Signals;
  readonly #queue: Queue;

  constructor(queue: Queue, signals: Signals) {
    this.#queue = queue;
    this.holder = signals;
  }

  /** Returns a Darwin errno. */
  open(): number {
    return this.#queue.addMember(this, this.holder.fd, EPOLLIN | EPOLLET);
  }

  /** Other code closed the epoll that the pipe was in. */
  reopen(): boolean {
    this.close();
    return this.open() === 0;
  }

  edge(): void {
    this.holder.collect();
  }

  close(): void {
    this.#queue.removeMember(this, this.holder.fd);
  }
}

/** EVFILT_SIGNAL: rules L, as far as Node.js delivers signals. */
export class SignalFilter implements Filter {
  readonly #signals: Signals;
  readonly #members = new WeakMap<Queue, PipeMember>();

  constructor(libc: Libc, onCounted: () => void) {
    this.#signals = new Signals(libc, count, onCounted);
  }

  attach(knote: Knote): number {
    if (!this.#signals.available) return DE.ENOTSUP;
    knote.flags |= D.EV_CLEAR;
    const signal = signalOf(knote);
    const errno = this.#signals.add(signal, knote);
    if (!this.#signals.counts(signal)) return errno;
    const refused = this.#watchPipe(knote.queue);
    if (refused !== 0) this.#signals.remove(signal, knote);
    return refused;
  }

  touch(): number {
    return 0;
  }

  evaluate(knote: Knote): boolean {
    return toDouble(knote.dataLow, knote.dataHigh) > 0;
  }

  delivered(knote: Knote): void {
    setData(knote, 0);
  }

  detach(knote: Knote): void {
    const { queue } = knote;
    const signal = signalOf(knote);
    if (!this.#signals.counts(signal)) return;
    const member = this.#members.get(queue);
    if (member !== undefined && --member.knotes === 0) {
      member.close();
      this.#members.delete(queue);
    }
    this.#signals.remove(signal, knote);
  }

  reason(errno: number, signal: number): string | undefined {
    if (errno !== DE.ENOTSUP) return undefined;
    return this.#signals.available
      ? `Node.js does not catch signal ${signal}`
      : 'Node.js delivers signals to the main thread only: register it there, and wake this queue by a waker';
  }

  /** A caught signal must wake a wait on the queue. */
  #watchPipe(queue: Queue): number {
    if (this.#signals.fd < 0) return 0;
    let member = this.#members.get(queue);
    if (member === undefined) {
      member = new PipeMember(queue, this.#signals);
      const errno = member.open();
      if (errno !== 0) return errno;
      this.#members.set(queue, member);
    }
    member.knotes++;
    return 0;
  }
}

const signalOf = ({ identLow, identHigh }: Knote): number =>
  identHigh === 0 ? identLow : -1;

function count(knote: Knote, more: number): void {
  setData(knote, toDouble(knote.dataLow, knote.dataHigh) + more);
  knote.queue.knotes.activate(knote);
}
