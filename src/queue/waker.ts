import { types } from 'node:util';
import { errnoName } from '../abi/index.js';
import { currentKernel, kevent } from '../calls/index.js';
import { KqueueError, misuse } from '../errors.js';
import { hostDialect } from '../host/index.js';
import {
  BY_EVENTFD,
  BY_KEVENT,
  WAKE,
  WAKE_MAGIC,
  WAKE_WORDS,
} from '../memory/index.js';
import { ffi } from './late.js';

/**
 * The handle that another thread passes to {@link wake}. You can send it to a thread
 * with `postMessage` or as `workerData`, but not to another process.
 */
export interface WakerHandle {
  /** Memory that the threads share. */
  readonly words: Int32Array;
}

/**
 * Wakes a queue from any thread. {@link Kqueue.waker} creates it.
 *
 * A wake triggers the `user` registration of the waker. Several wakes before the
 * event is consumed are one event. Waking never blocks, and does nothing once the
 * waker or its queue is closed.
 *
 * @example
 * ```ts
 * import { Kqueue, wake } from 'kqueue-ffi';
 *
 * using kq = new Kqueue<string>();
 * using waker = kq.waker(1, 'work to do');
 * waker.wake();
 * wake(waker.handle); // another thread would do this, with the handle it received
 * console.log(kq.poll().map(({ udata }) => udata)); // [ 'work to do' ]
 * ```
 */
export interface Waker extends Disposable {
  /** The ident of the `user` registration. */
  readonly id: number | bigint;
  /** The handle to send to other threads, for {@link wake}. */
  readonly handle: WakerHandle;
  /** Whether the waker or its queue is closed. */
  readonly closed: boolean;
  /** Wake the queue. @returns False if the waker is closed. */
  wake(): boolean;
  /** Delete the registration. Its handles no longer wake the queue. */
  close(): void;
}

/** A waker's view of its queue. */
export interface WakerQueue {
  readonly fd: number;
  trigger(id: number | bigint): void;
  delete(id: number | bigint): void;
  /** Called when the queue is closed. */
  readonly closers: Set<() => void>;
}

const WAKE_ACTION = 'wake a queue';

/** How long a close waits for threads that are in `wake`: ms. */
const PATIENCE = 100;

const isClosed = (words: Int32Array): boolean =>
  Atomics.load(words, WAKE.FD) === -1;

/** Fill in the words of a handle, for a registration that was just made. */
function open(kq: number, words: Int32Array): void {
  const kernel = currentKernel();
  if (kernel.openWaker === undefined) {
    words[WAKE.WAY] = BY_KEVENT;
    // Other code may close the queue's own descriptor, and reuse its number.
    Atomics.store(words, WAKE.FD, dupOf(kq) ?? kq);
    return;
  }
  words[WAKE.WAY] = BY_EVENTFD;
  if (kernel.openWaker(kq, words) === 0) return;
  const errno = kernel.errno();
  const code = errnoName(kernel.facts, errno) ?? `E${errno}`;
  throw new KqueueError(
    `Cannot create a waker: ${code}`,
    code,
    -errno,
    'kevent',
  );
}

/** Disable all handles. Once this returns, none of them wakes the queue. */
function shut(kq: number, words: Int32Array): void {
  if (isClosed(words)) return;
  if (words[WAKE.WAY] === BY_EVENTFD) {
    currentKernel().closeWaker?.(kq, words);
    Atomics.store(words, WAKE.FD, -1);
    return;
  }
  const fd = Atomics.exchange(words, WAKE.FD, -1);
  // Wait for other threads before the descriptor is closed. The wait is bounded,
  // because a thread that was terminated in `wake` never leaves it.
  const users = Atomics.load(words, WAKE.USERS);
  if (users > 0) Atomics.wait(words, WAKE.USERS, users, PATIENCE);
  if (fd !== kq && Atomics.load(words, WAKE.USERS) === 0) ffi().closeFd(fd);
}

/** A dup of a native queue, unless a library numbers its queues itself. */
function dupOf(kq: number): number | undefined {
  const dup = ffi().dupFd(kq);
  if (dup < 0) return undefined;
  try {
    kevent(dup, null, null, 0);
    return dup;
  } catch {
    ffi().closeFd(dup);
    return undefined;
  }
}

/** Make a waker of a `user` registration. */
export function createWaker(queue: WakerQueue, id: number | bigint): Waker {
  const words = new Int32Array(
    new SharedArrayBuffer(WAKE_WORDS * Int32Array.BYTES_PER_ELEMENT),
  );
  const ident = BigInt(id);
  words[WAKE.MAGIC] = WAKE_MAGIC;
  words[WAKE.FD] = -1;
  words[WAKE.IDENT_LOW] = Number(BigInt.asIntN(32, ident));
  words[WAKE.IDENT_HIGH] = Number(BigInt.asIntN(32, ident >> 32n));
  const { fd, closers } = queue;
  open(fd, words);
  const closer = (): void => shut(fd, words);
  closers.add(closer);
  const close = (): void => {
    closers.delete(closer);
    if (isClosed(words)) return;
    shut(fd, words);
    ignoreRefusal(() => queue.delete(id));
  };
  return {
    id,
    handle: { words },
    get closed() {
      return isClosed(words);
    },
    wake: () => !isClosed(words) && ignoreRefusal(() => queue.trigger(id)),
    close,
    [Symbol.dispose]: close,
  };
}

/** Whether the kernel did not refuse: the registration may have ended. */
function ignoreRefusal(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof KqueueError) return false;
    throw error;
  }
}

function checkHandle(handle: unknown): Int32Array {
  const words =
    typeof handle === 'object' && handle !== null && 'words' in handle
      ? handle.words
      : undefined;
  if (
    types.isInt32Array(words) &&
    types.isSharedArrayBuffer(words.buffer) &&
    words.length === WAKE_WORDS &&
    words[WAKE.MAGIC] === WAKE_MAGIC
  ) {
    return words;
  }
  const expected = 'the handle of a waker';
  throw new TypeError(misuse(WAKE_ACTION, 'handle', expected, handle));
}

/**
 * Wake the queue of a waker, usually from another thread. It never blocks. Once the
 * waker is closed it does nothing, even if another file has its descriptor number.
 *
 * @param handle The {@link Waker.handle} that this thread received.
 * @returns False if the waker is closed, its thread has ended, or other code closed
 * its descriptor.
 * @throws {TypeError} If `handle` is not the handle of a waker.
 * @throws {KqueueError} `ERR_KQUEUE_LOAD` if koffi cannot be loaded.
 *
 * @example
 * ```ts
 * import { Worker } from 'node:worker_threads';
 * import { Kqueue } from 'kqueue-ffi';
 *
 * using kq = new Kqueue();
 * using waker = kq.waker();
 * const program = `
 *   const { workerData } = require('node:worker_threads');
 *   require('kqueue-ffi').wake(workerData);
 * `;
 * new Worker(program, { eval: true, workerData: waker.handle });
 * const event = await kq.next();
 * console.log(event?.filter); // user
 * ```
 */
export function wake(handle: WakerHandle): boolean {
  const words = checkHandle(handle);
  if (isClosed(words)) return false;
  if (words[WAKE.WAY] === BY_EVENTFD) {
    Atomics.store(words, WAKE.PENDING, 1);
    const fd = Atomics.load(words, WAKE.FD);
    const id = Atomics.load(words, WAKE.EVENTFD_ID);
    const mark = Atomics.load(words, WAKE.MARK);
    // If other code closed the eventfd, the queue notices it, and the wake.
    return fd < 0 ? !isClosed(words) : ffi().writeEventfd(fd, id, mark);
  }
  Atomics.add(words, WAKE.USERS, 1);
  try {
    const fd = Atomics.load(words, WAKE.FD);
    if (fd < 0) return false;
    return ignoreRefusal(() => kevent(fd, [trigger(words)], null));
  } finally {
    Atomics.sub(words, WAKE.USERS, 1);
    Atomics.notify(words, WAKE.USERS);
  }
}

function trigger(words: Int32Array): {
  ident: number | bigint;
  filter: number;
  fflags: number;
} {
  const { EVFILT_USER = 0, NOTE_TRIGGER = 0 } = hostDialect().constants;
  const low = BigInt.asUintN(32, BigInt(words[WAKE.IDENT_LOW]));
  const high = BigInt.asUintN(32, BigInt(words[WAKE.IDENT_HIGH]));
  const ident = (high << 32n) | low;
  return { ident, filter: EVFILT_USER, fflags: NOTE_TRIGGER };
}
