import { errnoName } from '../abi/index.js';
import {
  KqueueError,
  misuse,
  type Syscall,
  throwBadInteger,
} from '../errors.js';
import {
  allocate,
  allocateTimespec,
  encode,
  encodeTimeout,
  type Kernel,
  type KeventInit,
  type KeventMemory,
  type KeventWords,
  type Timeout,
} from '../memory/index.js';
import { type Kevent64List, type KeventList, memoryOf } from './kevent-list.js';
import { currentKernel } from './running-kernel.js';

const MAX_FD = 0x7fffffff;
const MAX_CHANGES = 2 ** 20;
const KEVENT = 'call kevent';
const KEVENT64 = 'call kevent64';
const EVENTLIST = 'a KeventList or null';
const CHANGELIST = 'a KeventList, an array of kevents or null';
const UINT32 = 'an integer from 0 to 2**32-1';

/** A queue: its descriptor, and the kernel's id of it if there is one. */
export interface OpenQueue {
  readonly fd: number;
  readonly id: number | undefined;
}

/** The three calls over one kernel. */
export interface Syscalls {
  kqueue(): number;
  /** The queue of a descriptor. */
  queueOf(kq: number): OpenQueue;
  /** {@link kevent}: `EBADF` if the descriptor is another queue by now. */
  keventOn(
    queue: OpenQueue,
    changelist: KeventList | readonly KeventInit[] | null,
    eventlist: KeventList | null,
    timeout?: Timeout,
  ): number;
  kevent(
    kq: number,
    changelist: KeventList | readonly KeventInit[] | null,
    eventlist: KeventList | null,
    timeout?: Timeout,
  ): number;
  kevent64(
    kq: number,
    changelist: Kevent64List | readonly KeventInit[] | null,
    eventlist: Kevent64List | null,
    flags: number,
    timeout?: Timeout,
  ): number;
  close(fd: number): void;
}

/** @throws {TypeError | RangeError} If the value cannot be a descriptor. */
export function checkFd(action: string, name: string, value: unknown): void {
  const isFd = typeof value === 'number' && (value | 0) === value && value >= 0;
  if (isFd) return;
  throwBadInteger(action, name, `an integer from 0 to ${MAX_FD}`, value);
}

const whyOf = (kernel: Kernel, kq: number, code: string): string | undefined =>
  code === 'EBADF' ? kernel.whyNoQueue?.(kq) : kernel.reason?.(kernel.errno());

function throwErrno(kernel: Kernel, syscall: Syscall, kq?: number): never {
  const errno = kernel.errno();
  const code = errnoName(kernel.facts, errno) ?? `E${errno}`;
  const why = kq === undefined ? undefined : whyOf(kernel, kq, code);
  const message = `${syscall} ${code}${why === undefined ? '' : `: ${why}`}`;
  throw new KqueueError(message, code, -errno, syscall);
}

/**
 * Objects are encoded into memory that is reused, unless it is larger than
 * this.
 */
const MAX_KEPT = 4096;

/** Memory for changes given as objects. */
class ChangeBuffer {
  #kept: KeventMemory | undefined;

  /**
   * Encode changes. The memory is reserved while it is filled and used, so that
   * a getter that calls kevent() cannot overwrite it.
   */
  encode(
    words: KeventWords,
    changes: readonly KeventInit[],
    action: string,
  ): KeventMemory {
    // A Proxy of an array may report any length.
    const count = changes.length >>> 0;
    if (count > MAX_CHANGES) {
      throw new RangeError(
        misuse(action, 'changelist', 'at most 2**20 changes', count),
      );
    }
    const kept = this.#kept;
    this.#kept = undefined;
    const memory =
      kept !== undefined && kept.words === words && kept.capacity >= count
        ? kept
        : allocate(Math.max(16, 2 ** Math.ceil(Math.log2(count))), words);
    for (let i = 0; i < count; i++) encode(memory, i, changes[i]);
    memory.length = count;
    return memory;
  }

  /** Keep the memory of a finished call. */
  keep(memory: KeventMemory): void {
    if (memory.capacity <= MAX_KEPT) this.#kept = memory;
  }
}

function listMemory(
  list: unknown,
  words: KeventWords,
  action: string,
  name: string,
  expected: string,
): KeventMemory {
  const memory = memoryOf(list, action, name, expected);
  // No two layouts that are possible here have the same size.
  if (memory.words.stride !== words.stride)
    throwWrongLayout(list, action, name);
  return memory;
}

/** The list has the layout of another kernel, or of the other call. */
function throwWrongLayout(list: unknown, action: string, name: string): never {
  const expected =
    action === KEVENT64
      ? 'a Kevent64List'
      : "a KeventList of this kernel's layout";
  throw new TypeError(misuse(action, name, expected, list));
}

/** Make the calls over the kernel that `kernelOf` returns at the first use. */
export function syscallsOf(kernelOf: () => Kernel): Syscalls {
  const timespec = allocateTimespec();
  const scratch = new ChangeBuffer();

  /** Call kevent, or kevent64 if there are flags. */
  const exchange = (
    action: string,
    kq: number,
    changelist: KeventList | readonly KeventInit[] | null,
    eventlist: KeventList | null,
    flags: number | undefined,
    timeout: Timeout,
    id?: number | undefined,
  ): number => {
    checkFd(action, 'kq', kq);
    const kernel = kernelOf();
    const words = flags === undefined ? kernel.words : words64Of(kernel);
    let events: KeventMemory | null = null;
    let nevents = 0;
    if (eventlist !== null) {
      events = listMemory(eventlist, words, action, 'eventlist', EVENTLIST);
      nevents = events.capacity;
    }
    let changes: KeventMemory | null = null;
    let encoded: KeventMemory | undefined;
    if (changelist === null) {
      // Collect only.
    } else if (Array.isArray(changelist)) {
      encoded = scratch.encode(words, changelist, action);
      changes = encoded;
    } else {
      changes = listMemory(changelist, words, action, 'changelist', CHANGELIST);
    }
    // After the changes: a getter of a change may have called kevent().
    const limit = encodeTimeout(timespec, kernel.width, timeout, action);
    const nchanges = changes === null ? 0 : changes.length;
    const count =
      flags === undefined || kernel.kevent64 === undefined
        ? kernel.kevent(kq, changes, nchanges, events, nevents, limit, id)
        : kernel.kevent64(kq, changes, nchanges, events, nevents, flags, limit);
    if (encoded !== undefined) scratch.keep(encoded);
    if (count < 0) {
      if (events !== null && events !== changes) events.length = 0;
      return throwErrno(
        kernel,
        flags === undefined ? 'kevent' : 'kevent64',
        kq,
      );
    }
    if (events === null) return 0;
    events.length = Math.min(count, nevents);
    return events.length;
  };

  return {
    kqueue() {
      const kernel = kernelOf();
      const fd = kernel.kqueue();
      return fd < 0 ? throwErrno(kernel, 'kqueue') : fd;
    },

    queueOf: (kq) => ({ fd: kq, id: kernelOf().queueId?.(kq) }),

    keventOn: ({ fd, id }, changelist, eventlist, timeout) =>
      exchange(KEVENT, fd, changelist, eventlist, undefined, timeout, id),

    kevent: (kq, changelist, eventlist, timeout) =>
      exchange(KEVENT, kq, changelist, eventlist, undefined, timeout),

    kevent64(kq, changelist, eventlist, flags, timeout) {
      const known = typeof flags === 'number' && flags >>> 0 === flags;
      if (!known) throwBadInteger(KEVENT64, 'flags', UINT32, flags);
      return exchange(KEVENT64, kq, changelist, eventlist, flags, timeout);
    },

    close(fd) {
      checkFd('call close', 'fd', fd);
      const kernel = kernelOf();
      if (kernel.close(fd) < 0) throwErrno(kernel, 'close');
    },
  };
}

function words64Of(kernel: Kernel): KeventWords {
  if (kernel.words64 !== undefined) return kernel.words64;
  throw new KqueueError(
    `kevent64 is not available on ${kernel.facts.name}: only Darwin has it`,
    'ERR_KQUEUE_UNSUPPORTED',
    undefined,
    'kevent64',
  );
}

/** The calls of the running kernel, without the owners of descriptors. */
export const calls = syscallsOf(currentKernel);

export const { keventOn, queueOf } = calls;

/**
 * The owner of a descriptor. The event loop aborts the process if a watched
 * descriptor is closed, so its owner has to close it.
 */
export interface FdOwner {
  readonly queue: OpenQueue;
  /** Whether the descriptor is still its own. */
  isOpen(): boolean;
  /** Close the descriptor and everything that belongs to it. */
  close(): void;
  /** Close everything except the descriptor, which is now another file. */
  abandon(): void;
}

/** The owners of descriptors, such as a typed queue's. */
export const fdOwners = new Map<number, FdOwner>();

/**
 * Create a queue: kqueue(2).
 *
 * @returns The descriptor of the queue. It is close-on-exec on Darwin and Linux,
 * and poll(2) reports it readable while events are pending.
 * @throws {KqueueError} `EMFILE`, `ENFILE` or `ENOMEM`; `ERR_KQUEUE_UNSUPPORTED`
 * if this platform has no kqueue; `ERR_KQUEUE_LOAD` if the library did not load.
 *
 * @example
 * ```ts
 * import { close, kqueue } from 'kqueue-ffi';
 *
 * const kq = kqueue();
 * close(kq);
 * ```
 */
export const kqueue = (): number => {
  const fd = calls.kqueue();
  // The number was reused: other code closed the descriptor of an earlier owner.
  fdOwners.get(fd)?.abandon();
  return fd;
};

/**
 * Apply changes, then collect events, exactly as kevent(2) does. The call blocks
 * the thread while it waits; timers, promises and signal handlers do not run.
 *
 * If a change fails and the event list has room, the call adds an entry with
 * `EV_ERROR` and the errno in `data`. It then returns without waiting for events.
 *
 * @param kq The descriptor of the queue.
 * @param changelist The changes, in order: the first `length` entries of a list,
 * an array of plain objects, or null for none.
 * @param eventlist The list that receives the events. The call writes at most
 * `capacity` entries and sets `length`. It may be the same list as `changelist`.
 * If it is null, the call applies the changes and returns 0 at once.
 * @param timeout How long to wait for an event: milliseconds, a timespec, or
 * null to wait indefinitely.
 * @returns The number of entries written; 0 if the time ran out.
 * @throws {TypeError | RangeError} If an argument is invalid. Nothing is changed.
 * @throws {KqueueError} `EBADF` if `kq` is not an open queue.
 * @throws {KqueueError} `EINVAL` if the kernel refuses the timespec.
 * @throws {KqueueError} `EINTR` if a signal interrupted the wait. The changes are
 * applied.
 * @throws {KqueueError} The errno of a change that failed while the event list
 * had no room. Earlier changes are applied, later ones are not. The event list
 * is then empty, unless it is also the change list.
 *
 * @example
 * ```ts
 * import { close, EV_ADD, EV_ONESHOT, EVFILT_TIMER, kevent, KeventList, kqueue } from 'kqueue-ffi';
 *
 * const kq = kqueue();
 * const events = new KeventList(8);
 * const timer = { ident: 1, filter: EVFILT_TIMER, flags: EV_ADD | EV_ONESHOT, data: 20 };
 * kevent(kq, [timer], events, 1000); // 1, after 20 ms
 * console.log(events.get(0));
 * close(kq);
 * ```
 */
export const kevent: (
  kq: number,
  changelist: KeventList | readonly KeventInit[] | null,
  eventlist: KeventList | null,
  timeout?: Timeout,
) => number = calls.kevent;

/**
 * Like {@link kevent}, for `struct kevent64_s`: kevent64(2). A queue accepts only
 * the call that it was first used with; the other one fails with `EINVAL`.
 *
 * @param flags `KEVENT_FLAG_IMMEDIATE` polls and ignores the timeout.
 * `KEVENT_FLAG_ERROR_EVENTS` reports only failed changes and receipts.
 * @returns The number of entries written, as {@link kevent} does.
 * @throws {TypeError | RangeError} If an argument is invalid.
 * @throws {KqueueError} As {@link kevent}; `ERR_KQUEUE_UNSUPPORTED` if the kernel
 * has no kevent64.
 */
export const kevent64: (
  kq: number,
  changelist: Kevent64List | readonly KeventInit[] | null,
  eventlist: Kevent64List | null,
  flags: number,
  timeout?: Timeout,
) => number = calls.kevent64;

/**
 * Close a descriptor: close(2). Closing a queue drops its registrations. Closing
 * any other descriptor removes it from every queue, without an event. Closing the
 * descriptor of a {@link Kqueue} closes the Kqueue.
 *
 * On Linux only this `close` removes the registrations at once. With any other
 * close, such as `fs.closeSync`, they are removed by the next call.
 *
 * @throws {TypeError | RangeError} If `fd` is not an integer from 0 to 2**31-1.
 * @throws {KqueueError} `EBADF` if it is not open; `EINTR` or `EIO`.
 */
export const close = (fd: number): void => {
  const owner = fdOwners.get(fd);
  if (owner === undefined) {
    calls.close(fd);
  } else if (owner.isOpen()) {
    owner.close();
  } else {
    owner.abandon();
    calls.close(fd);
  }
};

/** Whether a descriptor is still a queue: try a call that does nothing. */
export function isStillQueue(queue: OpenQueue): boolean {
  try {
    calls.keventOn(queue, null, null, 0);
    return true;
  } catch (error) {
    if (!(error instanceof KqueueError)) throw error;
    // Only libkqueue fails a call without changes with ENOENT.
    const { name } = currentKernel().facts;
    const code = name === 'libkqueue' ? 'ENOENT' : 'EBADF';
    return error.code !== 'EBADF' && error.code !== code;
  }
}
