import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import type { Libc } from '../ffi/linux.js';
import { SignalPipe } from '../ffi/signal-pipe.js';
import type { Knote } from './knote.js';

type Listener = () => void;

const names = new Map<number, NodeJS.Signals>();
for (const [name, number] of Object.entries(constants.signals)) {
  if (!names.has(number)) names.set(number, name as NodeJS.Signals);
}

/**
 * The process whose signals Node delivers. A test runner may have put a copy
 * in its place, which hears of none.
 */
const realProcess = (): NodeJS.Process =>
  (
    process as {
      getBuiltinModule?: (id: string) => NodeJS.Process | undefined;
    }
  ).getBuiltinModule?.('node:process') ?? process;

/** One signal number that knotes of any queue count. */
interface Counted {
  readonly knotes: Set<Knote>;
  readonly listener: Listener;
  /** Counted in the pipe already, while its listener is still to be called. */
  ahead: number;
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
  #pipe: SignalPipe | undefined;
  #searched = false;

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
  readonly available = isMainThread;

  /** The descriptor to poll for signals, or -1 if there is none. */
  get fd(): number {
    return this.#pipe?.fd ?? -1;
  }

  /** Begin to count for a knote. A number that is no signal never comes. */
  add(signal: number, knote: Knote): void {
    this.collect();
    const known = this.#counted.get(signal);
    if (known !== undefined) {
      known.knotes.add(knote);
      return;
    }
    const name = names.get(signal);
    // Nobody can listen for these.
    if (name === undefined || name === 'SIGKILL' || name === 'SIGSTOP') return;
    const listener = () => this.#called(signal);
    const counted: Counted = { knotes: new Set([knote]), listener, ahead: 0 };
    realProcess().on(name, listener);
    this.#counted.set(signal, counted);
    if (!this.#searched) {
      this.#searched = true;
      this.#pipe = SignalPipe.find(this.#libc);
    }
    // What waits in the pipe came before, and is not for this knote.
    this.#pipe?.visit((other) => {
      if (other === signal) counted.ahead++;
    });
  }

  remove(signal: number, knote: Knote): void {
    const counted = this.#counted.get(signal);
    const name = names.get(signal);
    if (counted === undefined || name === undefined) return;
    counted.knotes.delete(knote);
    if (counted.knotes.size > 0) return;
    this.#counted.delete(signal);
    realProcess().off(name, counted.listener);
    if (this.#counted.size > 0) return;
    this.#pipe?.close();
    this.#pipe = undefined;
    this.#searched = false;
  }

  /** Count what is in the pipe and was not counted yet. */
  collect(): void {
    if (this.#pipe === undefined || this.#counted.size === 0) return;
    const seen = new Map<number, number>();
    this.#pipe.visit((signal) => {
      const counted = this.#counted.get(signal);
      if (counted === undefined) return;
      const nth = (seen.get(signal) ?? 0) + 1;
      seen.set(signal, nth);
      if (nth <= counted.ahead) return;
      counted.ahead = nth;
      this.#count(counted);
    });
  }

  /** Node calls the listener: once for each message of the pipe. */
  #called(signal: number): void {
    const counted = this.#counted.get(signal);
    if (counted === undefined) return;
    if (counted.ahead > 0) {
      counted.ahead--;
      return;
    }
    this.#count(counted);
    this.#settled();
  }

  #count({ knotes }: Counted): void {
    for (const knote of [...knotes].reverse()) this.#post(knote, 1);
  }
}
