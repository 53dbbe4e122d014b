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
  /** Whether it has ended, however that came. */
  readonly closed: boolean;
  /** Let go of everything. Who waits is told that it is done. */
  close(): void;
}

/** What every such iterator can be given. */
export interface IteratorOptions {
  /** Ends the iteration, which then rejects with its reason. */
  readonly signal?: AbortSignalLike | undefined;
}

/** Where the values of an iterator come from. */
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
 * An iterator that nobody has any more is closed. It may not refer to the
 * source by anything but itself, and the source not to it.
 */
const forgotten = /* @__PURE__ */ new FinalizationRegistry(
  (close: () => void) => close(),
);

/**
 * Have a source closed, or an iterator fail, when the signal is aborted. Not
 * where the iterator is made: it would live as long as the signal.
 *
 * @returns What closes the source, and hears of the signal no more.
 */
function held(
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
  let ended = false;
  /** Set while somebody waits, who need not hold on to the iterator itself. */
  let serving: EventIterator<T> | undefined;
  /** What ended it while nobody waited: for who asks next. */
  let untold: { readonly error: unknown } | undefined;

  const end = (): void => {
    if (ended) return;
    ended = true;
    if (close === undefined) return;
    forgotten.unregister(close);
    close();
  };
  const finish = (): void => {
    untold = undefined;
    try {
      end();
    } finally {
      for (const { resolve } of requests.splice(0)) resolve(DONE);
    }
  };
  const fail = (error: unknown): void => {
    if (ended) return;
    try {
      end();
    } finally {
      const all = requests.splice(0);
      if (all.length === 0) untold = { error };
      for (const { reject } of all) reject(error);
    }
  };

  /** Serve those who ask, first come, first served. */
  const serve = async (from: Source<T>): Promise<void> => {
    serving = iterator;
    try {
      while (requests.length > 0) {
        const value = await from.pull();
        // Nobody has to be told: whoever ended it has done that.
        if (ended) return;
        if (value === undefined) return finish();
        requests.shift()?.resolve({ done: false, value });
      }
    } catch (error) {
      fail(error);
    } finally {
      serving = undefined;
    }
  };

  const iterator: EventIterator<T> = {
    get closed() {
      return ended;
    },
    next() {
      if (untold !== undefined) {
        const { error } = untold;
        untold = undefined;
        return Promise.reject(error);
      }
      if (ended || source === undefined) return Promise.resolve(DONE);
      return new Promise((resolve, reject) => {
        requests.push({ resolve, reject });
        if (serving === undefined) void serve(source);
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
  const close = source && held(source, signal, new WeakRef(fail));
  if (close === undefined) {
    ended = true;
    untold = { error: signal?.reason };
  } else {
    forgotten.register(iterator, close, close);
  }
  return iterator;
}
