import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  isMainThread,
  type Libc,
  realProcess,
  type SignalCounter,
  type SignalMessage,
  SignalPipe,
} from '../ffi/index.js';
import {
  queueMicrotask,
  setImmediate,
  signalNames,
  type Timer,
} from '../host/index.js';
import { DE } from './constants.js';
import type { Knote } from './knote.js';

type Listener = () => void;

/** SIGRTMAX. */
const MAX_SIGNAL = 64;

/** One signal that knotes of any queue count. */
interface Counted {
  readonly knotes: Set<Knote>;
  readonly name: NodeJS.Signals;
  readonly listener: Listener;
  /**
   * Node's watch that calls the listener, as messages name it; 0 if unknown.
   */
  watch: number;
}

/**
 * Counts the signals that Node.js delivers. If possible they are counted as
 * soon as they are in libuv's pipe, so that a blocking wait sees them too.
 * Otherwise they are counted when their listener is called.
 */
export class Signals {
  readonly #libc: Libc;
  readonly #counted = new Map<number, Counted>();
  readonly #post: (knote: Knote, count: number) => void;
  readonly #onCounted: () => void;
  readonly #process = realProcess();
  readonly #emitter: EventEmitter = this.#process;
  /**
   * By Node's watch: the messages that were counted in the pipe while the
   * listener has not been called yet. The listener of a watch that was stopped
   * meanwhile is never called.
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

  /**
   * Whether signals are available: Node.js delivers them to one thread only.
   */
  readonly available = isMainThread();

  /** Whether signals of that number are delivered, as far as is known. */
  counts(signal: number): boolean {
    return this.#counted.has(signal);
  }

  /** The descriptor to poll for signals, or -1 if there is none. */
  get fd(): number {
    return this.#pipe?.fd ?? -1;
  }

  /**
   * Begin to count for a knote. Returns a Darwin errno. A number that is not a
   * signal, or that cannot be caught, is never delivered.
   */
  add(signal: number, knote: Knote): number {
    this.collect();
    const known = this.#counted.get(signal);
    if (known !== undefined) {
      known.knotes.add(knote);
      return 0;
    }
    const name = signalNames.get(signal) as NodeJS.Signals | undefined;
    // Node.js cannot catch a real-time signal, and it would end the process.
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
    this.#counted.set(signal, counted);
    const isWatched = this.#process.listenerCount(name) > 0;
    try {
      // Before Node's own listener, which gives the signal back to the kernel.
      if (this.#counted.size === 1) this.#hook();
      this.#listen(counted);
    } catch (error) {
      // A listener of the program for `newListener` threw.
      this.remove(signal, knote);
      throw error;
    }
    // If a program removes all listeners of the process, Node's own are removed
    // too, and it catches no other signals.
    if (!isCaught(signal)) {
      this.remove(signal, knote);
      return DE.ENOTSUP;
    }
    this.#search();
    // Messages in the pipe are older than this knote, and not for it.
    this.#countPipe(counted);
    // They do not belong to a new watch either, but to one by another name.
    if (!isWatched) counted.watch = 0;
    return 0;
  }

  #hook(): void {
    const hooks = this.#emitter.listeners('removeListener');
    if (hooks.includes(this.#onRemoved)) return;
    this.#emitter.prependListener('removeListener', this.#onRemoved);
  }

  /** Listen before the program, whose listeners may throw, or call kevent. */
  #listen({ name, listener }: Counted): void {
    this.#process.prependListener(name, listener);
  }

  /** Find libuv's pipe, which exists once there is a listener. */
  #search(): void {
    if (this.#searched) return;
    this.#searched = true;
    this.#pipe = SignalPipe.find(this.#libc, this.#counter);
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
    // Messages that are held are for other listeners.
    if (this.#pipe?.isHolding) this.#schedule();
    else this.#closePipe();
  }

  #closePipe(): void {
    this.#pipe?.close();
    this.#pipe = undefined;
    this.#searched = false;
  }

  /** The program removes the listeners of a signal. Add ours again. */
  readonly #onRemoved = (name: string | symbol, removed: unknown): void => {
    for (const counted of this.#counted.values()) {
      if (counted.name !== name || counted.listener !== removed) continue;
      this.#listen(counted);
      // This fails if it removes all listeners of all events.
      queueMicrotask(this.#restore);
    }
  };

  readonly #restore = (): void => {
    if (this.#counted.size === 0) return;
    this.#hook();
    for (const counted of this.#counted.values())
      this.#restoreListener(counted);
  };

  /** Count messages in the pipe that were not counted yet. */
  collect(): void {
    if (this.#pipe === undefined || this.#counted.size === 0) return;
    for (const counted of this.#counted.values())
      this.#restoreListener(counted);
    this.#countPipe();
  }

  /** Other copies of this package take messages out of the pipe too. */
  readonly #counter: SignalCounter = {
    onTaken: (messages) => {
      this.#countMessages(messages, true);
      this.#onCounted();
    },
    onPutBack: (messages) => {
      this.#expect(messages);
      this.#schedule();
    },
  };

  /**
   * Count new messages in the pipe, except those of one signal. Returns the
   * watches of those that are still in it.
   */
  #countPipe(skipped?: Counted, takes = false): ReadonlySet<number> {
    if (this.#pipe === undefined) return new Set();
    const { messages, areTaken } = this.#pipe.read(takes);
    return this.#countMessages(messages, areTaken, skipped);
  }

  #countMessages(
    messages: readonly SignalMessage[],
    areTaken: boolean,
    skipped?: Counted,
  ): ReadonlySet<number> {
    const seen = new Map<number, number>();
    const most = new Map<Counted, number>();
    for (const { signal, watch } of messages) {
      const counted = this.#counted.get(signal);
      if (counted === undefined) continue;
      const nth = (seen.get(watch) ?? 0) + 1;
      seen.set(watch, nth);
      const fresh = nth - (this.#early.get(watch) ?? 0);
      // A signal with two names may have a watch, and so a message, for each
      // name. The one that has fewer is not the watch that was there before.
      const isCounted = fresh <= (most.get(counted) ?? 0);
      if (isCounted && counted !== skipped) continue;
      // A stopped watch calls no listener, even if there are new listeners.
      if (this.#pipe?.isActive(watch)) counted.watch = watch;
      if (counted === skipped) continue;
      most.set(counted, fresh);
      this.#count(counted);
    }
    for (const [watch, count] of seen) {
      const early = Math.max(count, this.#early.get(watch) ?? 0);
      // Messages that were taken out are put back, to be delivered early.
      this.#early.set(watch, areTaken ? early - count : early);
    }
    if (seen.size > 0 || areTaken) this.#schedule();
    return new Set(areTaken ? [] : seen.keys());
  }

  /** Messages were put back that were counted, or are older than their knotes. */
  #expect(messages: readonly SignalMessage[]): void {
    for (const { signal, watch } of messages) {
      const counted = this.#counted.get(signal);
      if (counted === undefined) continue;
      this.#early.set(watch, (this.#early.get(watch) ?? 0) + 1);
      if (this.#pipe?.isActive(watch)) counted.watch = watch;
    }
  }

  /** Schedule {@link #turn}. Held messages keep the process alive. */
  #schedule(): void {
    this.#scheduled ??= setImmediate(() => this.#turn());
    if (this.#pipe?.isHolding) this.#scheduled.ref();
    else this.#scheduled.unref();
  }

  /**
   * Once the loop has read the pipe and called all listeners, messages that are
   * gone are no longer waited for, with or without a listener. Messages that
   * were taken out are put back for the next turn.
   */
  #turn(): void {
    this.#scheduled = undefined;
    const pipe = this.#pipe;
    if (pipe === undefined) {
      // The next watch may have the address of one that was freed.
      this.#early.clear();
      return;
    }
    const underway = this.#countPipe(undefined, pipe.isHolding);
    for (const watch of this.#early.keys()) {
      if (!underway.has(watch)) this.#early.delete(watch);
    }
    this.#expect(pipe.putBack());
    if (this.#counted.size === 0 && !pipe.isHolding) this.#closePipe();
    else if (this.#early.size > 0 || pipe.isHolding) this.#schedule();
    this.#onCounted();
  }

  /** Node.js calls the listener once for each message of the pipe. */
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

  /** The program may have removed all listeners of a signal, including ours. */
  #restoreListener(counted: Counted): void {
    const { name, listener, watch } = counted;
    if (this.#process.listeners(name).includes(listener)) return;
    // Node stopped its watch, unless its own listeners were removed as well.
    // While there are messages for it, libuv has not freed it.
    const isPending = this.#early.has(watch);
    if (!isPending || this.#pipe?.isActive(watch) !== true) counted.watch = 0;
    this.#listen(counted);
  }

  #count({ knotes }: Counted): void {
    for (const knote of [...knotes].reverse()) this.#post(knote, 1);
  }
}

/** Whether the process catches a signal; true if proc(5) cannot be read. */
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
