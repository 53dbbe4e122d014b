/**
 * Any `AbortSignal`: Node's, a browser's, or one of another realm. The type asks
 * only for what is used, so it needs neither the types of Node nor of the DOM.
 */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** A wait rejects with it once the signal is aborted. */
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** The waits that share a signal: one listener of it for all of them. */
class SharedListener {
  readonly #signal: AbortSignalLike;
  readonly #waits = new Set<() => void>();

  constructor(signal: AbortSignalLike) {
    this.#signal = signal;
    listeners.set(signal, this);
    signal.addEventListener('abort', this.#onAbort);
  }

  /** Add a wait; the result takes it back. */
  add(run: () => void): () => void {
    // A function of its own: one that is given twice is called twice.
    const wait = (): void => run();
    this.#waits.add(wait);
    return () => {
      if (this.#waits.delete(wait) && this.#waits.size === 0) this.#remove();
    };
  }

  #remove(): void {
    if (listeners.get(this.#signal) !== this) return;
    listeners.delete(this.#signal);
    this.#signal.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.#remove();
    for (const wait of [...this.#waits]) {
      // An earlier one may have taken it back.
      if (this.#waits.delete(wait)) wait();
    }
  };
}

const listeners = /* @__PURE__ */ new WeakMap<
  AbortSignalLike,
  SharedListener
>();

const nothing = (): void => {};

/**
 * Call a function when a signal is aborted. A signal has one listener of this
 * library however many waits share it: Node warns of more than ten.
 *
 * @returns Takes the function back.
 */
export function onAbort(
  signal: AbortSignalLike | undefined,
  run: () => void,
): () => void {
  if (signal === undefined) return nothing;
  return (listeners.get(signal) ?? new SharedListener(signal)).add(run);
}
