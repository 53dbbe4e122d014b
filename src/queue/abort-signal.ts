/**
 * Any `AbortSignal`: Node's own, or one of another realm. The type lists only the
 * members that are used, so it needs neither Node's types nor the DOM's.
 */
export interface AbortSignalLike {
  readonly aborted: boolean;
  /** The error that a wait rejects with after an abort. */
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** One listener for all waits that share a signal. */
class SharedListener {
  readonly #signal: AbortSignalLike;
  readonly #waits = new Set<() => void>();

  constructor(signal: AbortSignalLike) {
    this.#signal = signal;
    listeners.set(signal, this);
    signal.addEventListener('abort', this.#onAbort);
  }

  /** Add a wait. Returns a function that removes it. */
  add(run: () => void): () => void {
    // Wrap it, so that a function that is added twice is called twice.
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
      // An earlier function may have removed it.
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
 * Call a function when a signal is aborted. However many waits share a signal, this
 * package adds one listener to it, because Node.js warns of more than ten.
 *
 * @returns A function that removes the listener.
 */
export function onAbort(
  signal: AbortSignalLike | undefined,
  run: () => void,
): () => void {
  if (signal === undefined) return nothing;
  return (listeners.get(signal) ?? new SharedListener(signal)).add(run);
}
