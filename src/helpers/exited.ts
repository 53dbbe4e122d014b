import { KqueueError, throwBadInteger } from '../errors.js';
import { hostDialect } from '../host/index.js';
import type {
  AbortSignalLike,
  Alarm,
  ExitStatus,
  Kqueue,
  KqueueEvent,
} from '../queue/index.js';
import {
  checkOptions,
  checkSignal,
  checkTimeout,
  MAX_TIMEOUT,
  onAbort,
  setAlarm,
} from '../queue/parts.js';
import { readProcessState, UNKNOWN } from './process-state.js';
import { type Member, SharedQueue } from './shared-queue.js';

/** Options of {@link exited}. */
export interface ExitedOptions {
  /** An abort ends the wait, which rejects with the signal's reason. */
  readonly signal?: AbortSignalLike | undefined;
  /**
   * The longest wait in milliseconds. Then the promise rejects with `ETIMEDOUT`.
   *
   * @default null, which waits indefinitely
   */
  readonly timeout?: number | null | undefined;
}

/**
 * A promise of how a process ended. Disposing of it ends the wait: a pending
 * promise then rejects with `ERR_KQUEUE_CLOSED`, which you need not handle.
 */
export interface ExitPromise extends Promise<ExitStatus>, Disposable {}

interface Waiter {
  resolve(status: ExitStatus): void;
  reject(error: unknown): void;
}

const ACTION = 'wait for a process';
const MAX_PID = 0x7fffffff;
/** A pid may be reused between two attempts, but hardly three times. */
const MAX_ATTEMPTS = 3;

const queue = /* @__PURE__ */ new SharedQueue();

/** The watched processes by pid. */
const processes = /* @__PURE__ */ new Map<number, WatchedProcess>();

/** A process and the waits for its exit. */
class WatchedProcess implements Member {
  readonly pid: number;
  readonly waiters = new Set<Waiter>();
  readonly #kq: Kqueue<Member>;

  /** @throws {KqueueError} `ESRCH` if there is no such process, or it has ended. */
  constructor(pid: number) {
    this.pid = pid;
    this.#kq = queue.join(this);
    try {
      this.#kq.add({ filter: 'proc', pid, notes: 'exit', udata: this });
    } catch (error) {
      queue.leave(this);
      throw error;
    }
    processes.set(pid, this);
    queue.ref();
  }

  onEvent(event: KqueueEvent): void {
    if (event.filter !== 'proc') return;
    const waiters = this.#removeWaiters();
    for (const { resolve } of waiters) resolve(event.exit ?? UNKNOWN);
  }

  onError(error: unknown): void {
    for (const { reject } of this.#removeWaiters()) reject(error);
  }

  /** Remove a waiter. */
  leave(waiter: Waiter): void {
    if (!this.waiters.delete(waiter) || this.waiters.size > 0) return;
    try {
      this.#kq.delete({ filter: 'proc', pid: this.pid });
    } catch (error) {
      // The process has just exited, or other code closed the queue.
      if (!(error instanceof KqueueError)) throw error;
    } finally {
      this.#removeWaiters();
    }
  }

  /** Stop watching, and return the waiters. */
  #removeWaiters(): readonly Waiter[] {
    const waiters = [...this.waiters];
    this.waiters.clear();
    processes.delete(this.pid);
    queue.unref();
    queue.leave(this);
    return waiters;
  }
}

const isRefusal = (error: unknown, code: string): error is KqueueError =>
  error instanceof KqueueError && error.code === code;

/**
 * Watch the process that has a pid now, or return how it ended.
 *
 * @throws {KqueueError} `ESRCH` if there is no such process.
 */
function findProcess(pid: number): WatchedProcess | ExitStatus {
  // The pid may be reused once the old process has exited: report that exit first.
  if (processes.has(pid)) queue.deliverPending();
  let refusal: KqueueError | undefined;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    try {
      return processes.get(pid) ?? new WatchedProcess(pid);
    } catch (error) {
      if (!isRefusal(error, 'ESRCH')) throw error;
      refusal = error;
    }
    const found = readProcessState(pid);
    if (found === 'gone') break;
    if (found !== 'running') return found;
  }
  throw new KqueueError(
    `Cannot ${ACTION} as process ${pid} does not exist: it never did, or it was reaped`,
    'ESRCH',
    refusal?.errno,
    'kevent',
    { cause: refusal },
  );
}

const timedOut = (pid: number, timeout: number): KqueueError =>
  new KqueueError(
    `Process ${pid} has not exited within ${timeout} ms`,
    'ETIMEDOUT',
    -hostDialect().errno.ETIMEDOUT,
    'kevent',
  );

const noop = (): void => {};

/** {@link exited}, loaded when it is first called. */
export function exited(pid: number, options: ExitedOptions = {}): ExitPromise {
  let dispose = noop;
  const promise = new Promise<ExitStatus>((resolve, reject) => {
    checkOptions(options, ACTION);
    const { signal, timeout = null } = options;
    checkArguments(pid, signal, timeout);
    if (signal?.aborted) return reject(signal.reason);
    const found = findProcess(pid);
    if (!(found instanceof WatchedProcess)) return resolve(found);

    let timer: Alarm | undefined;
    const leave = (): void => {
      timer?.clear();
      offAbort();
      dispose = noop;
    };
    const waiter: Waiter = {
      resolve(status) {
        leave();
        resolve(status);
      },
      reject(error) {
        leave();
        reject(error);
      },
    };
    const giveUp = (error: unknown): void => {
      waiter.reject(error);
      found.leave(waiter);
    };
    const abort = (): void => giveUp(signal?.reason);
    found.waiters.add(waiter);
    const offAbort = onAbort(signal, abort);
    if (timeout !== null) {
      timer = setAlarm(timeout, () => {
        // The process may have exited in time, with its event still pending.
        queue.deliverPending();
        if (found.waiters.has(waiter)) giveUp(timedOut(pid, timeout));
      });
    }
    dispose = () => {
      promise.catch(noop);
      const message = `The wait for process ${pid} was given up`;
      giveUp(new KqueueError(message, 'ERR_KQUEUE_CLOSED'));
    };
  });
  return Object.assign(promise, { [Symbol.dispose]: () => dispose() });
}

function checkArguments(
  pid: unknown,
  signal: AbortSignalLike | undefined,
  timeout: unknown,
): void {
  if (
    typeof pid !== 'number' ||
    !Number.isInteger(pid) ||
    pid < 1 ||
    pid > MAX_PID
  ) {
    throwBadInteger(ACTION, 'pid', `an integer from 1 to ${MAX_PID}`, pid);
  }
  checkSignal(signal, ACTION);
  checkTimeout(timeout, ACTION, MAX_TIMEOUT);
}
