import { close, type FdOwner, fdOwners, isQueue } from '../calls/index.js';
import { KqueueError } from '../errors.js';
import type { Watch } from '../ffi/index.js';
import { ffi } from './late.js';
import { canLoopWatch, currentDriver } from './pollable.js';

/**
 * The descriptor of a {@link Kqueue} and the poll handle that watches it. It
 * outlives a Kqueue that is garbage-collected, so it refers to it only weakly.
 */
export class QueueHandle implements FdOwner {
  readonly fd: number;
  readonly #queue: WeakRef<Disposable>;
  #isClosed = false;
  #watch: Watch | undefined;

  constructor(fd: number, queue: Disposable) {
    this.fd = fd;
    this.#queue = new WeakRef(queue);
    fdOwners.set(fd, this);
    unclosedQueues.register(queue, this, this);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @throws {KqueueError} `ERR_KQUEUE_CLOSED` if it is closed. */
  checkOpen(action: string): void {
    if (!this.#isClosed) return;
    throw new KqueueError(
      `Cannot ${action} as the queue is closed`,
      'ERR_KQUEUE_CLOSED',
    );
  }

  /** The watch of the descriptor, made at the first call. */
  watch(): Watch {
    this.#watch ??= ffi().watch(this.fd, currentDriver(), canLoopWatch);
    return this.#watch;
  }

  /** Close the Kqueue; once that is garbage-collected, its descriptor alone. */
  close(): void {
    this.#queue.deref()?.[Symbol.dispose]();
    this.closeFd();
  }

  /** Close the watch, then the descriptor. */
  closeFd(): void {
    if (this.#isClosed) return;
    // Closing a descriptor that is still watched aborts the process.
    this.abandon();
    // It may have been closed elsewhere, and be another file's by now.
    if (!isQueue(this.fd)) return;
    try {
      close(this.fd);
    } catch (error) {
      if (!isBadFd(error)) throw error;
    }
  }

  /** Close all but the descriptor, which is no longer this queue's. */
  abandon(): void {
    this.#isClosed = true;
    fdOwners.delete(this.fd);
    unclosedQueues.unregister(this);
    this.#watch?.close();
  }
}

const isBadFd = (error: unknown): boolean =>
  error instanceof KqueueError && error.code === 'EBADF';

let hasWarned = false;

/** Closes queues that are garbage-collected without being closed. */
const unclosedQueues = new FinalizationRegistry((handle: QueueHandle) => {
  if (handle.isClosed) return;
  handle.closeFd();
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    `A Kqueue (fd ${handle.fd}) was forgotten without close(): use \`using\`, or close it`,
    { code: 'KQUEUE_FORGOTTEN' },
  );
});
