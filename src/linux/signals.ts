import { constants } from 'node:os';
import type { Libc } from '../ffi/linux.js';
import { realProcess } from '../ffi/real-process.js';
import { SignalPipe } from '../ffi/signal-pipe.js';
import { isMainThread } from '../ffi/thread.js';
import { darwinErrno } from './constants.js';
import type { Knote } from './knote.js';

type Listener = () => void;

const names = new Map<number, NodeJS.Signals>();
for (const [name, number] of Object.entries(constants.signals)) {
  if (!names.has(number)) names.set(number, name as NodeJS.Signals);
}

/** One signal number that knotes of any queue count. */
interface Counted {
  readonly knotes: Set<Knote>;
  readonly name: NodeJS.Signals;
  readonly listener: Listener;
  /**
   * By Node's watch for it, as the messages name it: how many were counted in
   * the pipe already, while the listener is still to be called. A watch that
   * was stopped with messages underway never calls it.
   */
  readonly ahead: Map<number, number>;
  /** The watch of the newest message. */
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
  readonly #settled: () => void;
  readonly #process = realProcess();
  #pipe: SignalPipe | undefined;
  #searched = false;
  #scheduled = false;

  constructor(
    libc: Libc,
    post: (knote: Knote, count: number) => void,
    settled: () => void,
  ) {
    this.#libc = libc;
    this.#post = post;
    this.#settled = settled;
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
    const name = names.get(signal);
    if (name === undefined || name === 'SIGKILL' || name === 'SIGSTOP') {
      return 0;
    }
    const counted: Counted = {
      knotes: new Set([knote]),
      name,
      listener: () => this.#called(signal),
      ahead: new Map(),
      watch: 0,
    };
    this.#counted.set(signal, counted);
    const isWatched = this.#process.listenerCount(name) > 0;
    this.#process.on(name, counted.listener);
    const errno = this.#search();
    if (errno !== 0) {
      this.remove(signal, knote);
      return errno;
    }
    // What waits in the pipe came before, and is not for this knote.
    this.#pipe?.visit((other, watch) => {
      if (other === signal) this.#advance(counted, watch);
    });
    // But the listener is not called for it by a watch that was stopped.
    if (!isWatched) counted.watch = 0;
    return 0;
  }

  /** Find libuv's pipe, once there is a listener for which it has one. */
  #search(): number {
    if (this.#searched) return 0;
    const found = SignalPipe.find(this.#libc);
    if (found === -1) return darwinErrno(this.#libc.errno());
    this.#searched = true;
    this.#pipe = found;
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
    this.#pipe?.close();
    this.#pipe = undefined;
    this.#searched = false;
  }

  /** Count what is in the pipe and was not counted yet. */
  collect(): void {
    if (this.#pipe === undefined || this.#counted.size === 0) return;
    for (const counted of this.#counted.values()) this.#keep(counted);
    const seen = new Map<number, number>();
    this.#pipe.visit((signal, watch) => {
      const counted = this.#counted.get(signal);
      if (counted === undefined) return;
      const nth = (seen.get(watch) ?? 0) + 1;
      seen.set(watch, nth);
      if (nth <= (counted.ahead.get(watch) ?? 0)) return;
      this.#advance(counted, watch);
      this.#count(counted);
    });
  }

  /** A message of the pipe is dealt with before its listener is called. */
  #advance(counted: Counted, watch: number): void {
    counted.watch = watch;
    counted.ahead.set(watch, (counted.ahead.get(watch) ?? 0) + 1);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#reconcile()).unref();
  }

  /**
   * The loop has read the pipe since and called all listeners. Messages that
   * are gone by now, listener or not, are not waited for any longer.
   */
  #reconcile(): void {
    this.#scheduled = false;
    const underway = new Set<number>();
    this.#pipe?.visit((_, watch) => underway.add(watch));
    for (const { ahead } of this.#counted.values()) {
      for (const watch of ahead.keys()) {
        if (!underway.has(watch)) ahead.delete(watch);
      }
    }
    if (underway.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#reconcile()).unref();
  }

  /** Node calls the listener: once for each message of the pipe. */
  #called(signal: number): void {
    const counted = this.#counted.get(signal);
    if (counted === undefined) return;
    const ahead = counted.ahead.get(counted.watch) ?? 0;
    if (ahead > 0) {
      counted.ahead.set(counted.watch, ahead - 1);
      return;
    }
    this.#count(counted);
    this.#settled();
  }

  /** The program may have removed all listeners of a signal, ours too. */
  #keep(counted: Counted): void {
    const { name, listener } = counted;
    if (this.#process.listeners(name).includes(listener)) return;
    this.#process.on(name, listener);
  }

  #count({ knotes }: Counted): void {
    for (const knote of [...knotes].reverse()) this.#post(knote, 1);
  }
}
