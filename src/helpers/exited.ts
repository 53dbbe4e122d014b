import { KqueueError, throwBadInteger } from '../errors.js';
import { hostDialect } from '../host/index.js';
import {
  type Alarm,
  checkOptions,
  checkSignal,
  checkTimeout,
  type ExitStatus,
  type Kqueue,
  type KqueueEvent,
  MAX_TIMEOUT,
  type ProcNote,
  setAlarm,
} from '../queue/index.js';
import { examine, UNKNOWN } from './corpse.js';
import { type Member, SharedQueue } from './shared-queue.js';

/** How to wait for a process. */
export interface ExitedOptions {
  /** Ends the wait, which then rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds; the wait then rejects with `ETIMEDOUT`.
   *
   * @default null for ever
   */
  readonly timeout?: number | null | undefined;
}

/**
 * How a process will have ended. Disposing of it ends the wait: a promise that
 * has not settled is then rejected with `ERR_KQUEUE_CLOSED`, which need not be
 * handled.
 */
export interface ExitPromise extends Promise<ExitStatus>, Disposable {}

interface Waiter {
  resolve(status: ExitStatus): void;
  reject(error: unknown): void;
}

const ACTION = 'wait for a process';
const MAX_PID = 0x7fffffff;
/** Often enough for a number to be seen to have no process. */
const LOOKS = 3;

const queue = /* @__PURE__ */ new SharedQueue();

/** The processes that are waited for, by number. */
const processes = /* @__PURE__ */ new Map<number, Process>();

/** A process that is waited for, by any number of waiters. */
class Process implements Member {
  readonly pid: number;
  readonly waiters = new Set<Waiter>();
  readonly #kq: Kqueue<Member>;

  /** @throws {KqueueError} `ESRCH` if there is none, or it has ended. */
  constructor(pid: number) {
    this.pid = pid;
    this.#kq = queue.join(this);
    try {
      this.#add(['exit', 'exitstatus']);
    } catch (error) {
      queue.leave(this);
      throw error;
    }
    processes.set(pid, this);
    queue.wait();
  }

  #add(notes: readonly ProcNote[]): void {
    try {
      this.#kq.add({ filter: 'proc', pid: this.pid, notes, udata: this });
    } catch (error) {
      // Of whom one may send no signals it is only told that they ended.
      if (!isRefusal(error, 'EACCES') || notes.length === 1) throw error;
      this.#add(['exit']);
    }
  }

  tell(event: KqueueEvent): void {
    if (event.filter !== 'proc') return;
    const waiters = this.#end();
    for (const { resolve } of waiters) resolve(event.exit ?? UNKNOWN);
  }

  fail(error: unknown): void {
    for (const { reject } of this.#end()) reject(error);
  }

  /** Somebody waits no more. */
  leave(waiter: Waiter): void {
    if (!this.waiters.delete(waiter) || this.waiters.size > 0) return;
    try {
      this.#kq.delete({ filter: 'proc', pid: this.pid });
    } catch (error) {
      // It has ended this moment, and nobody wants to know.
      if (!isRefusal(error, 'ENOENT')) throw error;
    } finally {
      this.#end();
    }
  }

  /** It is waited for no more: by whom it was. */
  #end(): readonly Waiter[] {
    const waiters = [...this.waiters];
    this.waiters.clear();
    processes.delete(this.pid);
    queue.rest();
    queue.leave(this);
    return waiters;
  }
}

const isRefusal = (error: unknown, code: string): error is KqueueError =>
  error instanceof KqueueError && error.code === code;

/**
 * Find the process that has a number now, or how it ended.
 *
 * @throws {KqueueError} `ESRCH` if there is none.
 */
function find(pid: number): Process | ExitStatus {
  // A number can be given to a new process as soon as the end of the old one
  // can be told: so that is told first.
  if (processes.has(pid)) queue.flush();
  let refusal: KqueueError | undefined;
  for (let look = 0; look < LOOKS; look++) {
    try {
      return processes.get(pid) ?? new Process(pid);
    } catch (error) {
      if (!isRefusal(error, 'ESRCH')) throw error;
      refusal = error;
    }
    const found = examine(pid);
    if (found === 'nothing') break;
    if (found !== 'alive') return found;
  }
  throw new KqueueError(
    `Cannot ${ACTION} as there is no process ${pid}: there never was, or it is gone`,
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

const nothing = (): void => {};

/** {@link exited}, loaded when it is first called. */
export function exited(pid: number, options: ExitedOptions = {}): ExitPromise {
  let dispose = nothing;
  const promise = new Promise<ExitStatus>((resolve, reject) => {
    checkOptions(options, ACTION);
    const { signal, timeout = null } = options;
    check(pid, signal, timeout);
    if (signal?.aborted) return reject(signal.reason);
    const found = find(pid);
    if (!(found instanceof Process)) return resolve(found);

    let end: Alarm | undefined;
    const leave = (): void => {
      end?.clear();
      signal?.removeEventListener('abort', abort);
      dispose = nothing;
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
    signal?.addEventListener('abort', abort);
    if (timeout !== null) {
      end = setAlarm(timeout, () => {
        // What ended in time, but was not told yet, did not run out of it.
        queue.flush();
        if (found.waiters.has(waiter)) giveUp(timedOut(pid, timeout));
      });
    }
    dispose = () => {
      promise.catch(nothing);
      const message = `The wait for process ${pid} was given up`;
      giveUp(new KqueueError(message, 'ERR_KQUEUE_CLOSED'));
    };
  });
  return Object.assign(promise, { [Symbol.dispose]: () => dispose() });
}

function check(
  pid: unknown,
  signal: AbortSignal | undefined,
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
