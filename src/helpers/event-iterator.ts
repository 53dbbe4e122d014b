import {
  type AbortSignalLike,
  checkOptions,
  checkSignal,
} from '../queue/index.js';

/**
 * An async iterator that holds on to something: leave its loop, close it, or
 * let it go out of the scope of `using`, and all of that is let go of at once.
 *
 * When the signal that it was given is aborted it rejects with the signal's
 * reason, once, and then ends. Asking it for a value keeps the process alive
 * until the value comes; as long as nobody asks, it does not.
 */
export interface EventIterator<T>
  extends AsyncIterableIterator<T>,
    Disposable,
    AsyncDisposable {
  /** The next value; done when it has ended or was closed. */
  next(): Promise<IteratorResult<T, undefined>>;
  /** What leaving a loop does: as {@link close}. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** As {@link close}; rejects with the error. */
  throw(error?: unknown): Promise<IteratorResult<T, undefined>>;
  [Symbol.asyncIterator](): EventIterator<T>;
  /** Whether it has ended or was closed. */
  readonly closed: boolean;
  /** Close. Pending `next` calls resolve with `done: true`. */
  close(): void;
}

/** Options of every such iterator. */
export interface IteratorOptions {
  /** Ends the iteration, which then rejects with its reason. */
  readonly signal?: AbortSignalLike | undefined;
}

/** The source of an iterator's values. */
export interface Source<T> {
  /**
   * The next value; `undefined` if there are no more. It is not called again
   * before it has settled, and need not settle once the source is closed.
   */
  pull(): Promise<T | undefined>;
  /** Called once. */
  close(): void;
}

interface Request<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Closes iterators that are garbage-collected without being closed. So a source
 * must not refer to its iterator.
 */
const unclosedIterators = /* @__PURE__ */ new FinalizationRegistry(
  (close: () => void) => close(),
);

/**
 * Let the iterator fail when the signal is aborted, or close the source if the
 * iterator was garbage-collected. Not a closure of `eventIterator`: the signal
 * would keep the iterator alive.
 *
 * @returns Closes the source and removes the listener.
 */
function closeOnAbort(
  source: Source<unknown>,
  signal: AbortSignalLike | undefined,
  failing: WeakRef<(error: unknown) => void>,
): () => void {
  const close = (): void => {
    signal?.removeEventListener('abort', abort);
    source.close();
  };
  const abort = (): void => (failing.deref() ?? close)(signal?.reason);
  signal?.addEventListener('abort', abort);
  return close;
}

/**
 * Make an iterator of a source, which is opened at once, unless the signal is
 * aborted already.
 *
 * @param action For messages: what the iterator does.
 */
export function eventIterator<T>(
  action: string,
  options: IteratorOptions,
  open: () => Source<T>,
): EventIterator<T> {
  checkOptions(options, action);
  const { signal } = options;
  checkSignal(signal, action);
  const requests: Request<T>[] = [];
  let hasEnded = false;
  /** Keeps the iterator alive while a `next` is pending. */
  let servedIterator: EventIterator<T> | undefined;
  /** The error that ended it while no `next` was pending: for the next one. */
  let pendingError: { readonly error: unknown } | undefined;

  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    if (close === undefined) return;
    unclosedIterators.unregister(close);
    close();
  };
  const finish = (): void => {
    pendingError = undefined;
    try {
      end();
    } finally {
      for (const { resolve } of requests.splice(0)) resolve(DONE);
    }
  };
  const fail = (error: unknown): void => {
    if (hasEnded) return;
    try {
      end();
    } finally {
      const all = requests.splice(0);
      if (all.length === 0) pendingError = { error };
      for (const { reject } of all) reject(error);
    }
  };

  /** Settle pending `next` calls in order. */
  const serve = async (from: Source<T>): Promise<void> => {
    servedIterator = iterator;
    try {
      while (requests.length > 0) {
        const value = await from.pull();
        // Whatever ended it has settled all requests.
        if (hasEnded) return;
        if (value === undefined) return finish();
        requests.shift()?.resolve({ done: false, value });
      }
    } catch (error) {
      fail(error);
    } finally {
      servedIterator = undefined;
    }
  };

  const iterator: EventIterator<T> = {
    get closed() {
      return hasEnded;
    },
    next() {
      if (pendingError !== undefined) {
        const { error } = pendingError;
        pendingError = undefined;
        return Promise.reject(error);
      }
      if (hasEnded || source === undefined) return Promise.resolve(DONE);
      return new Promise((resolve, reject) => {
        requests.push({ resolve, reject });
        if (servedIterator === undefined) void serve(source);
      });
    },
    async return() {
      finish();
      return DONE;
    },
    async throw(error) {
      finish();
      throw error;
    },
    close: finish,
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.dispose]() {
      finish();
    },
    async [Symbol.asyncDispose]() {
      finish();
    },
  };

  const source = signal?.aborted ? undefined : open();
  const close = source && closeOnAbort(source, signal, new WeakRef(fail));
  if (close === undefined) {
    hasEnded = true;
    pendingError = { error: signal?.reason };
  } else {
    unclosedIterators.register(iterator, close, close);
  }
  return iterator;
}
