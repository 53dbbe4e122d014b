import { fstatSync } from 'node:fs';
import { KqueueError } from '../errors.js';
import { hostDialect } from '../host/index.js';
import type { Alarm, FdLike, KqueueEvent, ReadEvent } from '../queue/index.js';
import { hasHungUp, isNamedFifo, readFd, setAlarm } from '../queue/parts.js';
import {
  type EventIterator,
  eventIterator,
  type IteratorOptions,
  type Source,
} from './event-iterator.js';
import { isOpenOn } from './file-queue.js';
import { type Member, SharedQueue } from './shared-queue.js';

/** The value of {@link readable}: a descriptor is readable. */
export interface ReadReady {
  readonly fd: number;
  /**
   * The number of bytes that can be read, or of connections that can be accepted.
   * For a file, its size minus the position: negative after a truncation, and of any
   * size for a sparse file. Same as `available` of a read event.
   */
  readonly available: number;
  /** @deprecated Use `available`. 1.0 drops this name. */
  readonly bytes: number;
  /** End of file: the other side closed, or half-closed. */
  readonly eof: boolean;
  /** With `eof`, the name of the socket's error, if it has one. */
  readonly error: string | undefined;
}

/** Like a plain object; the deprecated name is a getter of the prototype. */
class ReadReadiness implements ReadReady {
  declare readonly fd: number;
  declare readonly available: number;
  declare readonly eof: boolean;
  declare readonly error: string | undefined;

  static {
    Object.defineProperty(ReadReadiness.prototype, 'constructor', {
      value: Object,
    });
  }

  constructor(
    fd: number,
    { available, eof, error }: Pick<ReadEvent, 'available' | 'eof' | 'error'>,
  ) {
    this.fd = fd;
    this.available = available;
    this.eof = eof;
    this.error = error;
  }

  get bytes(): number {
    return this.available;
  }
}

/** The value of {@link writable}: a descriptor has space to write. */
export interface WriteReady {
  readonly fd: number;
  /** The number of bytes that can be written. */
  readonly space: number;
  /** Whether the other side reads no more. */
  readonly eof: boolean;
  /** With `eof`, the name of the socket's error, if it has one. */
  readonly error: string | undefined;
}

/** A shared queue, and the names of the registrations in it. */
interface RegistrationQueue {
  readonly queue: SharedQueue;
  readonly registered: Set<string>;
}

const createQueue = (): RegistrationQueue => ({
  queue: new SharedQueue(),
  registered: new Set(),
});

/** The queue of all iterators, unless two watch the same descriptor. */
const mainQueue: RegistrationQueue = /* @__PURE__ */ createQueue();

/** More queues: a queue has one registration for a descriptor and filter. */
const extraQueues: RegistrationQueue[] = [];

/** A queue without a registration of that name. */
function queueWithout(name: string): RegistrationQueue {
  const free = [mainQueue, ...extraQueues].find(
    ({ registered }) => !registered.has(name),
  );
  if (free !== undefined) return free;
  const created = createQueue();
  extraQueues.push(created);
  return created;
}

/**
 * A queue that is created after the descriptor was closed would take its number,
 * and the kernel would give another reason.
 *
 * @throws {KqueueError} `EBADF` if the descriptor is not open.
 */
function checkOpen(filter: 'read' | 'write', fd: number): void {
  try {
    fstatSync(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBADF') return;
    const message = `kevent EBADF: add ${filter} ${fd}`;
    const errno = -hostDialect().errno.EBADF;
    throw new KqueueError(message, 'EBADF', errno, 'kevent');
  }
}

/** The first and the longest interval between polls of a FIFO for its EOF, in ms. */
const FIRST_CHECK = 1;
const MAX_PAUSE = 100;

/** Call a function in growing intervals. */
function checkRegularly(check: () => void): () => void {
  let alarm: Alarm;
  const arm = (pause: number): void => {
    alarm = setAlarm(pause, () => {
      arm(Math.min(2 * pause, MAX_PAUSE));
      check();
    });
  };
  arm(FIRST_CHECK);
  return () => alarm.clear();
}

/**
 * A function that tells whether the other side of a named FIFO has closed.
 * `undefined` for other files, whose EOF is an event.
 */
function fifoEnd(fd: number): (() => boolean) | undefined {
  if (!isNamedFifo(fd)) return undefined;
  const file = fstatSync(fd, { bigint: true });
  // Other code may close it, and open another file at its number.
  return () => hasHungUp(fd) && isOpenOn(fd, file);
}

/** Creates the values of a filter. */
interface Values<T> {
  /** `undefined` for an event of another filter. */
  from(event: KqueueEvent): T | undefined;
  /** The value after the other side has closed; an empty one without a value. */
  atEnd(value: T | undefined): T;
  isLast(value: T): boolean;
}

/** A pull that has not settled. */
interface PendingPull<T> {
  resolve(value: T | undefined): void;
  reject(error: unknown): void;
  /** Delete its registration. */
  end(): void;
  /** Resolve with a value that is ready, or with none. */
  cancel(): void;
}

/**
 * A source of readiness. It is registered only while a pull is pending: an idle
 * iterator costs nothing, and each value is current.
 */
function readiness<T>(
  filter: 'read' | 'write',
  fd: number,
  values: Values<T>,
): Source<T> {
  const name = `${filter} ${fd}`;
  let pending: PendingPull<T> | undefined;
  let hasEnded = false;
  let hasJoined = false;

  const member: Member = {
    onEvent(event) {
      const value = values.from(event);
      if (value === undefined || pending === undefined) return;
      pending.resolve(value);
    },
    onError: (error) => pending?.reject(error),
  };
  const register = (
    resolve: (value: T | undefined) => void,
    reject: (error: unknown) => void,
  ): void => {
    if (!hasJoined) {
      checkOpen(filter, fd);
      // Join for good: otherwise every pull would create a queue.
      mainQueue.queue.join(member);
      hasJoined = true;
    }
    const { queue, registered } = queueWithout(name);
    const kq = queue.join(member);
    const leave = (): void => {
      if (queue !== mainQueue.queue) queue.leave(member);
    };
    try {
      kq.add({ filter, fd, oneshot: true, udata: member });
    } catch (error) {
      leave();
      throw error;
    }
    registered.add(name);
    queue.ref();
    const hasFifoEnded = fifoEnd(fd);
    const stopChecks = hasFifoEnded ? checkRegularly(checkEnd) : noop;
    const settle = (): void => {
      stopChecks();
      pending = undefined;
      registered.delete(name);
      queue.unref();
      leave();
    };
    const pull: PendingPull<T> = {
      resolve(value) {
        const isAtEnd = value !== undefined && hasFifoEnded?.();
        const current = isAtEnd ? values.atEnd(value) : value;
        hasEnded = current !== undefined && values.isLast(current);
        settle();
        resolve(current);
      },
      reject(error) {
        settle();
        reject(error);
      },
      end() {
        try {
          kq.delete({ filter, fd });
        } catch (error) {
          // The descriptor was closed before the iterator.
          if (!(error instanceof KqueueError)) throw error;
        } finally {
          settle();
        }
      },
      cancel() {
        queue.deliverPending();
        if (pending !== pull) return;
        pull.end();
        resolve(undefined);
      },
    };
    pending = pull;

    function checkEnd(): void {
      if (!hasFifoEnded?.()) return;
      queue.deliverPending();
      if (pending !== pull) return;
      pull.end();
      hasEnded = true;
      resolve(values.atEnd(undefined));
    }
  };

  return {
    pull: () =>
      hasEnded
        ? Promise.resolve(undefined)
        : new Promise((resolve, reject) => register(resolve, reject)),
    cancel: () => pending?.cancel(),
    close() {
      pending?.end();
      mainQueue.queue.leave(member);
    },
  };
}

const noop = (): void => {};

/** {@link readable}, loaded when it is first called. */
export function readable(
  fd: FdLike,
  options: IteratorOptions = {},
): EventIterator<ReadReady> {
  const action = 'wait for something to read';
  const number = readFd(fd, action);
  return eventIterator(action, options, () =>
    readiness<ReadReady>('read', number, {
      from: (event) =>
        event.filter === 'read' ? new ReadReadiness(number, event) : undefined,
      atEnd: (value) =>
        new ReadReadiness(number, {
          available: value?.available ?? 0,
          eof: true,
          error: value?.error,
        }),
      isLast: ({ available, eof }) => eof && available <= 0,
    }),
  );
}

/** {@link writable}, loaded when it is first called. */
export function writable(
  fd: FdLike,
  options: IteratorOptions = {},
): EventIterator<WriteReady> {
  const action = 'wait for space to write';
  const number = readFd(fd, action);
  return eventIterator(action, options, () =>
    readiness<WriteReady>('write', number, {
      from: (event) =>
        event.filter === 'write'
          ? {
              fd: number,
              space: event.space,
              eof: event.eof,
              error: event.error,
            }
          : undefined,
      atEnd: (value) => ({
        fd: number,
        space: value?.space ?? 0,
        eof: true,
        error: value?.error,
      }),
      isLast: ({ eof }) => eof,
    }),
  );
}
