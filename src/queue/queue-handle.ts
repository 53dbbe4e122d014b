import {
  close,
  type FdOwner,
  fdOwners,
  isStillQueue,
  keventOn,
  type OpenQueue,
  queueOf,
} from '../calls/index.js';
import { KqueueError } from '../errors.js';
import type { Watch } from '../ffi/index.js';
import { hostDialect } from '../host/index.js';
import { CaughtSignals } from './caught-signals.js';
import { ffi } from './late.js';
import { canLoopWatch, currentDriver } from './pollable.js';

/** Notified when a queue is lost. */
export interface LossListener {
  /** Other code closed the descriptor, and its number is reused. */
  lose(error: KqueueError): void;
}

/**
 * The descriptor of a {@link Kqueue}, and the poll handle that watches it. It
 * outlives a Kqueue that is garbage-collected, so it refers to it only weakly.
 */
export class QueueHandle implements FdOwner {
  readonly fd: number;
  /** The same with its id, for calls of kevent. */
  readonly queue: OpenQueue;
  /** The signals that are caught until the queue is closed. */
  readonly caught = new CaughtSignals();
  readonly #owner: WeakRef<Disposable>;
  #isClosed = false;
  #isLost = false;
  #lossListener: WeakRef<LossListener> | undefined;
  #watch: Watch | undefined;
  /** Closes the wakers. It must not refer to the Kqueue. */
  readonly wakers = new Set<() => void>();

  constructor(fd: number, owner: Disposable) {
    // Load it now: a test runner loads nothing after it has torn down.
    const { isMainThread, prepareWakes } = ffi();
    if (!isMainThread()) prepareWakes();
    this.fd = fd;
    this.queue = queueOf(fd);
    this.#owner = new WeakRef(owner);
    fdOwners.set(fd, this);
    unclosedQueues.register(owner, this, this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Other code closed the descriptor, and the Kqueue is still open. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Report the loss of the queue. */
  onLoss(listener: LossListener): void {
    this.#lossListener = new WeakRef(listener);
  }

  /**
   * @throws {KqueueError} `ERR_KQUEUE_CLOSED` if it is closed; `EBADF` if other
   * code closed it.
   */
  checkOpen(action: string): void {
    if (!this.#isClosed) return;
    if (this.#isLost) throw lossError(`Cannot ${action}`);
    throw new KqueueError(
      `Cannot ${action} as the queue is closed`,
      'ERR_KQUEUE_CLOSED',
    );
  }

  /** @throws {KqueueError} `EBADF` if the descriptor is not this queue any more. */
  checkDescriptor(): void {
    keventOn(this.queue, null, null, 0);
  }

  /** Whether the descriptor is still this queue. */
  isOpen(): boolean {
    return isStillQueue(this.queue);
  }

  /** The watch of the descriptor, made at the first call. */
  watch(): Watch {
    this.#watch ??= ffi().watch(this.fd, currentDriver(), canLoopWatch);
    return this.#watch;
  }

  /** Close the Kqueue; after it was garbage-collected, only its descriptor. */
  close(): void {
    this.#owner.deref()?.[Symbol.dispose]();
    this.closeFd();
  }

  /** Close the watch, then the descriptor. */
  closeFd(): void {
    this.#isLost = false;
    if (this.#isClosed) return;
    // Closing a descriptor that is still watched aborts the process.
    this.#release();
    try {
      // Other code may have closed it, and it may be another file now.
      if (this.isOpen()) close(this.fd);
    } catch (error) {
      if (!isBadFd(error)) throw error;
    } finally {
      // In this order, signals have no default action until the last moment.
      this.caught.clear();
    }
  }

  /**
   * Close everything except the descriptor, which is no longer this queue's.
   */
  abandon(): void {
    if (this.#isClosed) return;
    this.#isLost = true;
    this.#release();
    this.caught.clear();
    this.#lossListener?.deref()?.lose(lossError('The queue is lost'));
  }

  #release(): void {
    this.#isClosed = true;
    fdOwners.delete(this.fd);
    unclosedQueues.unregister(this);
    for (const close of this.wakers) close();
    this.#watch?.close();
  }
}

const lossError = (what: string): KqueueError =>
  new KqueueError(
    `${what} as other code closed the descriptor of the queue`,
    'EBADF',
    -hostDialect().errno.EBADF,
    'kevent',
  );

const isBadFd = (error: unknown): boolean =>
  error instanceof KqueueError && error.code === 'EBADF';

let hasWarned = false;

/** Closes queues that are garbage-collected without being closed. */
const unclosedQueues = new FinalizationRegistry((handle: QueueHandle) => {
  handle.closeFd();
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    `A Kqueue (fd ${handle.fd}) was forgotten without close(): use \`using\`, or close it`,
    { code: 'KQUEUE_FORGOTTEN' },
  );
});
