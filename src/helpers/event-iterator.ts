import type { AbortSignalLike, Alarm, NextOptions } from '../queue/index.js';
import {
  checkOptions,
  checkSignal,
  checkTimeout,
  MAX_TIMEOUT,
  onAbort,
  setAlarm,
} from '../queue/parts.js';

/**
 * An async iterator that holds kernel resources. Leaving its loop, closing it, or
 * the end of a `using` scope frees them at once.
 *
 * If its `signal` is aborted, it rejects once with the signal's reason and then
 * ends. A pending `next()` keeps the process alive; an idle iterator does not.
 */
export interface EventIterator<T>
  extends AsyncIterableIterator<T>,
    Disposable,
    AsyncDisposable {
  /** Resolve with the next value; `done` is true after the end or a close. */
  next(): Promise<IteratorResult<T, undefined>>;
  /**
   * Resolve with the next value, and limit this one wait. If the time runs out, it
   * resolves with `{ done: false, value: undefined }`. If the signal is aborted, it
   * rejects with the signal's reason. In both cases the iterator stays open, and a
   * later value goes to the next call.
   *
   * @throws {TypeError | RangeError} If an option is invalid, as a rejection.
   */
  next(options: NextOptions): Promise<IteratorResult<T | undefined, undefined>>;
  /** Close the iterator. `for await` calls it when the loop is left. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** Close the iterator, and reject with the error. */
  throw(error?: unknown): Promise<IteratorResult<T, undefined>>;
  /** Return this iterator. Its type has no options of `next`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T, undefined>;
  /** Whether the iterator has ended or was closed. */
  readonly closed: boolean;
  /** Close the iterator. Pending `next` calls resolve with `done: true`. */
  close(): void;
}

/** Options of helpers that return an iterator. */
export interface IteratorOptions {
  /** An abort ends the iteration, which rejects with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
}

/** The source of an iterator's values. */
export interface Source<T> {
  /**
   * The next value; `undefined` if there are no more, or the pull was cancelled.
   * It is not called again before it has settled. It need not settle once the
   * source is closed.
   */
  pull(): Promise<T | undefined>;
  /**
   * The consumer stopped waiting: resolve the pending pull soon, with a value if
   * there is one already. Nothing is lost.
   */
  cancel(): void;
  /** Called once. */
  close(): void;
}

const WAIT = 'wait for the next value';

interface Request<T> {
  resolve(result: IteratorResult<T | undefined, undefined>): void;
  reject(error: unknown): void;
  /** The time ran out: take a value that came in time, or none. */
  hasExpired: boolean;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };
const TIMED_OUT: IteratorYieldResult<undefined> = {
  done: false,
  value: undefined,
};

/**
 * Closes iterators that are garbage-collected without being closed. A source
 * must therefore not refer to its iterator.
 */
const unclosedIterators = /* @__PURE__ */ new FinalizationRegistry(
  (close: () => void) => close(),
);

/**
 * Fail the iterator when the signal is aborted, or close the source if the
 * iterator was garbage-collected. This is not a closure of `eventIterator`, because
 * then the signal would keep the iterator alive.
 *
 * @returns A function that closes the source and removes the listener.
 */
function closeOnAbort(
  source: Source<unknown>,
  signal: AbortSignalLike | undefined,
  failing: WeakRef<(error: unknown) => void>,
): () => void {
  const close = (): void => {
    offAbort();
    source.close();
  };
  const offAbort = onAbort(signal, () =>
    (failing.deref() ?? close)(signal?.reason),
  );
  return close;
}

/**
 * Make an iterator of a source. The source is opened at once, unless the signal is
 * already aborted.
 *
 * @param action What the iterator does, for error messages.
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
  let isCancelled = false;
  /** A value that came after its request had been given up. */
  let unclaimed: { readonly value: T } | undefined;
  /** Keeps the iterator alive while a `next` is pending. */
  let servedIterator: EventIterator<T> | undefined;
  /** The error that ended it while no `next` was pending; the next one gets it. */
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
    unclaimed = undefined;
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
    } catch {
      // The consumer gets the first error.
    }
    const all = requests.splice(0);
    if (all.length === 0) pendingError = { error };
    for (const { reject } of all) reject(error);
  };

  /** Settle pending `next` calls in order. */
  const serve = async (from: Source<T>): Promise<void> => {
    servedIterator = iterator;
    try {
      while (requests.length > 0) {
        isCancelled = false;
        const value = await from.pull();
        // All requests were settled when it ended.
        if (hasEnded) return;
        if (value !== undefined) deliver(value);
        else if (!isCancelled) return finish();
        else if (requests[0]?.hasExpired) requests.shift()?.resolve(TIMED_OUT);
      }
    } catch (error) {
      fail(error);
    } finally {
      servedIterator = undefined;
    }
  };

  const deliver = (value: T): void => {
    const request = requests.shift();
    if (request === undefined) unclaimed = { value };
    else request.resolve({ done: false, value });
  };

  const cancel = (): void => {
    isCancelled = true;
    source?.cancel();
  };

  /** Expire a request. The last one first looks for a value that came in time. */
  const expire = (request: Request<T>): void => {
    if (requests.length > 1) {
      requests.splice(requests.indexOf(request), 1);
      request.resolve(TIMED_OUT);
      return;
    }
    request.hasExpired = true;
    cancel();
  };

  const giveUp = (request: Request<T>, reason: unknown): void => {
    requests.splice(requests.indexOf(request), 1);
    request.reject(reason);
    if (requests.length === 0) cancel();
  };

  /** Wait for a value, with the limits of one call. */
  const waitForValue = (
    from: Source<T>,
    timeout: number | null,
    limit: AbortSignalLike | undefined,
  ): Promise<IteratorResult<T | undefined, undefined>> =>
    new Promise((resolve, reject) => {
      let timer: Alarm | undefined;
      const leave = (): void => {
        timer?.clear();
        offAbort();
      };
      const request: Request<T> = {
        resolve(result) {
          leave();
          resolve(result);
        },
        reject(error) {
          leave();
          reject(error);
        },
        hasExpired: false,
      };
      const offAbort = onAbort(limit, () => giveUp(request, limit?.reason));
      if (timeout !== null) timer = setAlarm(timeout, () => expire(request));
      requests.push(request);
      if (servedIterator === undefined) void serve(from);
    });

  const iterator: EventIterator<T> = {
    get closed() {
      return hasEnded;
    },
    async next(limits: NextOptions = {}) {
      checkOptions(limits, WAIT);
      const { timeout = null, signal: limit } = limits;
      checkTimeout(timeout, WAIT, MAX_TIMEOUT);
      checkSignal(limit, WAIT);
      if (pendingError !== undefined) {
        const { error } = pendingError;
        pendingError = undefined;
        throw error;
      }
      if (limit?.aborted) throw limit.reason;
      if (unclaimed !== undefined) {
        const { value } = unclaimed;
        unclaimed = undefined;
        return { done: false, value };
      }
      if (hasEnded || source === undefined) return DONE;
      return waitForValue(source, timeout, limit) as Promise<
        IteratorResult<T, undefined>
      >;
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
