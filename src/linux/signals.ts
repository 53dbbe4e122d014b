import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  isMainThread,
  type Libc,
  realProcess,
  SignalPipe,
} from '../ffi/index.js';
import {
  queueMicrotask,
  setImmediate,
  signalNames,
  type Timer,
} from '../host/index.js';
import { DE } from './constants.js';
import { lastErrno } from './errno.js';
import type { Knote } from './knote.js';

type Listener = () => void;

/** SIGRTMAX. */
const MAX_SIGNAL = 64;

/** One signal number that knotes of any queue count. */
interface Counted {
  readonly knotes: Set<Knote>;
  readonly name: NodeJS.Signals;
  readonly listener: Listener;
  /** Node's watch that calls the listener, as messages name it: 0 if unknown. */
  watch: number;
}

/**
 * Counts the signals that Node's own delivery brings. They are counted as soon
 * as they are in libuv's pipe, if that can be seen, so that a blocking wait
 * sees them too; else when their listener is called.
 */
export class Signals {
  readonly #libc: Libc;
  readonly #counted = new Map<number, Counted>();
  readonly #post: (knote: Knote, count: number) => void;
  readonly #onCounted: () => void;
  readonly #process = realProcess();
  readonly #emitter: EventEmitter = this.#process;
  /**
   * By Node's watch: how many messages were counted in the pipe already, while
   * the listener is still to be called. For a watch that was stopped with
   * messages in flight it never is.
   */
  readonly #early = new Map<number, number>();
  #pipe: SignalPipe | undefined;
  #searched = false;
  #scheduled: Timer | undefined;

  constructor(
    libc: Libc,
    post: (knote: Knote, count: number) => void,
    onCounted: () => void,
  ) {
    this.#libc = libc;
    this.#post = post;
    this.#onCounted = onCounted;
  }

  /** Whether signals can be had at all: Node gives them to one thread. */
  readonly available = isMainThread();

  /** Whether signals of that number come, as far as is known. */
  counts(signal: number): boolean {
    return this.#counted.has(signal);
  }

  /** The descriptor to poll for signals, or -1 if there is none. */
  get fd(): number {
    return this.#pipe?.fd ?? -1;
  }

  /**
   * Begin to count for a knote: a Darwin errno. A number that is no signal, or
   * one nobody can listen for, never comes.
   */
  add(signal: number, knote: Knote): number {
    this.collect();
    const known = this.#counted.get(signal);
    if (known !== undefined) {
      known.knotes.add(knote);
      return 0;
    }
    const name = signalNames.get(signal) as NodeJS.Signals | undefined;
    // Node cannot catch a real-time signal, and it would end the process.
    if (name === undefined && signal > 0 && signal <= MAX_SIGNAL) {
      return DE.ENOTSUP;
    }
    if (name === undefined || name === 'SIGKILL' || name === 'SIGSTOP') {
      return 0;
    }
    const counted: Counted = {
      knotes: new Set([knote]),
      name,
      listener: () => this.#onListener(signal),
      watch: 0,
    };
    if (this.#counted.size === 0) {
      // Before Node's own, which gives the signal back to the kernel.
      this.#emitter.prependListener('removeListener', this.#onRemoved);
    }
    this.#counted.set(signal, counted);
    const isWatched = this.#process.listenerCount(name) > 0;
    this.#process.on(name, counted.listener);
    // Once a program has removed all listeners of the process, Node's own are
    // gone too, and it catches no other signals.
    const errno = isCaught(signal) ? this.#search() : DE.ENOTSUP;
    if (errno !== 0) {
      this.remove(signal, knote);
      return errno;
    }
    // Messages in the pipe came before, and are not for this knote.
    this.#countPipe(counted);
    // Nor can it be of a watch that is new, but of one by another name.
    if (!isWatched) counted.watch = 0;
    return 0;
  }

  /** Find libuv's pipe, once there is a listener for which it has one. */
  #search(): number {
    if (this.#searched) return 0;
    const found = SignalPipe.find(this.#libc);
    if (found === -1) return lastErrno(this.#libc);
    this.#searched = true;
    this.#pipe = found;
    if (found !== undefined) this.#process.on('exit', this.#onExit);
    return 0;
  }

  remove(signal: number, knote: Knote): void {
    const counted = this.#counted.get(signal);
    if (counted === undefined) return;
    counted.knotes.delete(knote);
    if (counted.knotes.size > 0) return;
    this.#counted.delete(signal);
    this.#process.off(counted.name, counted.listener);
    if (this.#counted.size > 0) return;
    this.#emitter.off('removeListener', this.#onRemoved);
    // Held messages are for other listeners.
    this.#pipe?.giveBack(() => {});
    if (this.#pipe?.isHolding) this.#schedule();
    else this.#closePipe();
  }

  readonly #onExit = (): void => this.#pipe?.end();

  #closePipe(): void {
    this.#process.off('exit', this.#onExit);
    this.#pipe?.close();
    this.#pipe = undefined;
    this.#searched = false;
  }

  /** The program removes the listeners of a signal: ours stays. */
  readonly #onRemoved = (name: string | symbol, removed: unknown): void => {
    for (const { name: own, listener } of this.#counted.values()) {
      if (own !== name || listener !== removed) continue;
      this.#process.on(own, listener);
      // If it removes all listeners of all events, that is in vain.
      queueMicrotask(this.#restore);
    }
  };

  readonly #restore = (): void => {
    if (this.#counted.size === 0) return;
    const hooks = this.#emitter.listeners('removeListener');
    if (!hooks.includes(this.#onRemoved)) {
      this.#emitter.prependListener('removeListener', this.#onRemoved);
    }
    for (const counted of this.#counted.values())
      this.#restoreListener(counted);
  };

  /** Count what is in the pipe and was not counted yet. */
  collect(): void {
    if (this.#pipe === undefined || this.#counted.size === 0) return;
    for (const counted of this.#counted.values())
      this.#restoreListener(counted);
    this.#countPipe();
  }

  /**
   * Count the messages that are new in the pipe, but for one signal. Returns
   * the watches of those that are still in it.
   */
  #countPipe(skipped?: Counted, takes = false): ReadonlySet<number> {
    const seen = new Map<number, number>();
    const most = new Map<Counted, number>();
    const isTaken = this.#pipe?.visit((signal, watch) => {
      const counted = this.#counted.get(signal);
      if (counted === undefined) return;
      const nth = (seen.get(watch) ?? 0) + 1;
      seen.set(watch, nth);
      const fresh = nth - (this.#early.get(watch) ?? 0);
      if (fresh <= 0 && counted !== skipped) return;
      // A stopped watch calls no listener, even if there are new ones.
      if (this.#pipe?.isActive(watch)) counted.watch = watch;
      // A signal with two names may have a watch, and so a message, for each.
      if (fresh <= (most.get(counted) ?? 0)) return;
      most.set(counted, fresh);
      if (counted !== skipped) this.#count(counted);
    }, takes);
    for (const [watch, count] of seen) {
      const early = Math.max(count, this.#early.get(watch) ?? 0);
      // Those taken out come back to be early again.
      this.#early.set(watch, isTaken ? early - count : early);
    }
    if (seen.size > 0 || isTaken) this.#schedule();
    return new Set(isTaken ? [] : seen.keys());
  }

  /** Have {@link #turn} called; the process lives on for what is held. */
  #schedule(): void {
    this.#scheduled ??= setImmediate(() => this.#turn());
    if (this.#pipe?.isHolding) this.#scheduled.ref();
    else this.#scheduled.unref();
  }

  /**
   * Once the loop has read the pipe and called all listeners, messages that
   * are gone, listener or not, are not waited for any longer. Those that were
   * taken out are given back for its next turn.
   */
  #turn(): void {
    this.#scheduled = undefined;
    const pipe = this.#pipe;
    if (pipe === undefined) {
      // The next watch may be at the address of one that is gone.
      this.#early.clear();
      return;
    }
    const underway = this.#countPipe(undefined, pipe.isHolding);
    for (const watch of this.#early.keys()) {
      if (!underway.has(watch)) this.#early.delete(watch);
    }
    pipe.giveBack((signal, watch) => {
      if (!this.#counted.has(signal)) return;
      this.#early.set(watch, (this.#early.get(watch) ?? 0) + 1);
    });
    if (this.#counted.size === 0 && !pipe.isHolding) this.#closePipe();
    else if (this.#early.size > 0 || pipe.isHolding) this.#schedule();
    this.#onCounted();
  }

  /** Node calls the listener: once for each message of the pipe. */
  #onListener(signal: number): void {
    const counted = this.#counted.get(signal);
    if (counted === undefined) return;
    const ahead = this.#early.get(counted.watch) ?? 0;
    if (ahead > 0) {
      this.#early.set(counted.watch, ahead - 1);
      return;
    }
    this.#count(counted);
    this.#onCounted();
  }

  /** The program may have removed all listeners of a signal, ours too. */
  #restoreListener(counted: Counted): void {
    const { name, listener } = counted;
    if (this.#process.listeners(name).includes(listener)) return;
    counted.watch = 0;
    this.#process.on(name, listener);
  }

  #count({ knotes }: Counted): void {
    for (const knote of [...knotes].reverse()) this.#post(knote, 1);
  }
}

/** Whether the process catches a signal; true too where proc(5) cannot tell. */
function isCaught(signal: number): boolean {
  try {
    const status = readFileSync('/proc/self/status', 'latin1');
    const [, caught] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(status) ?? [];
    if (caught === undefined) return true;
    return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return true;
  }
}
