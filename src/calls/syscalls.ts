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

/** The three calls over one kernel. */
export interface Syscalls {
  kqueue(): number;
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

/** @throws {TypeError | RangeError} If it can be no descriptor. */
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

/** Objects are encoded into memory that is kept, unless it is larger. */
const MAX_KEPT = 4096;

/** Memory for changes given as objects. */
class ChangeBuffer {
  #kept: KeventMemory | undefined;

  /**
   * Encode changes. The memory is taken while it is filled and used, so that
   * a getter that calls kevent() itself cannot overwrite it.
   */
  encode(
    words: KeventWords,
    changes: readonly KeventInit[],
    action: string,
  ): KeventMemory {
    // A Proxy of an array may say anything of its length.
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

  /** The call is over. */
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
  // No two layouts that meet here are of one size.
  if (memory.words.stride !== words.stride)
    throwWrongLayout(list, action, name);
  return memory;
}

/** A list of the layout of another kernel, or call. */
function throwWrongLayout(list: unknown, action: string, name: string): never {
  const expected =
    action === KEVENT64
      ? 'a Kevent64List'
      : "a KeventList of this kernel's layout";
  throw new TypeError(misuse(action, name, expected, list));
}

/** Make the calls of the kernel that `kernelOf` gives at the first use. */
export function syscallsOf(kernelOf: () => Kernel): Syscalls {
  const timespec = allocateTimespec();
  const scratch = new ChangeBuffer();

  /** kevent, or kevent64 if there are flags. */
  const exchange = (
    action: string,
    kq: number,
    changelist: KeventList | readonly KeventInit[] | null,
    eventlist: KeventList | null,
    flags: number | undefined,
    timeout: Timeout,
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
      // Only to collect.
    } else if (Array.isArray(changelist)) {
      encoded = scratch.encode(words, changelist, action);
      changes = encoded;
    } else {
      changes = listMemory(changelist, words, action, 'changelist', CHANGELIST);
    }
    // Last of all: a getter among the changes may have called kevent().
    const limit = encodeTimeout(timespec, kernel.width, timeout, action);
    const nchanges = changes === null ? 0 : changes.length;
    const count =
      flags === undefined || kernel.kevent64 === undefined
        ? kernel.kevent(kq, changes, nchanges, events, nevents, limit)
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
    `There is no kevent64 on ${kernel.facts.name}: only Darwin has it`,
    'ERR_KQUEUE_UNSUPPORTED',
    undefined,
    'kevent64',
  );
}

/** The calls of the running kernel, without the owners of descriptors. */
export const calls = syscallsOf(currentKernel);

/**
 * The owner of a descriptor. The event loop aborts the process if a descriptor is
 * closed while it is watched, so its owner has to close it.
 */
export interface FdOwner {
  /** Close the descriptor and what belongs to it. */
  close(): void;
  /** Close what belongs to the descriptor, which is another file's by now. */
  abandon(): void;
}

/** The owners of descriptors, such as a typed queue's. */
export const fdOwners = new Map<number, FdOwner>();

/**
 * Create a queue: kqueue(2).
 *
 * @returns Its descriptor: close-on-exec where the kernel makes it so (Darwin,
 * Linux), readable by poll(2) while events are waiting.
 * @throws {KqueueError} `EMFILE`, `ENFILE` or `ENOMEM`; `ERR_KQUEUE_UNSUPPORTED`
 * or `ERR_KQUEUE_LOAD` if there is no kernel to ask.
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
  // The descriptor of an earlier owner was closed without its knowledge.
  fdOwners.get(fd)?.abandon();
  return fd;
};

/**
 * Apply changes, then collect events: kevent(2), 1:1. Blocks the thread while
 * it waits, timers, promises and signal handlers with it.
 *
 * @param kq The queue.
 * @param changelist What to change, in order: a list's first `length` entries,
 * or plain objects, or null for nothing.
 * @param eventlist Where events go: as many as its `capacity`; its `length` is
 * set to their number. It may be the change list too. Null, and the call
 * applies the changes and returns 0 at once.
 * @param timeout How long to wait if nothing is ready: milliseconds, a
 * timespec, or null for ever.
 * @returns How many entries were written: 0 if time ran out. A change that
 * failed is an entry with `EV_ERROR` and its errno in `data` while there is
 * room, and the call then neither waits nor collects.
 * @throws {TypeError | RangeError} For an argument that does not fit, before
 * anything is changed.
 * @throws {KqueueError} `EBADF` if `kq` is not an open queue, `EINVAL` for a
 * timespec the kernel refuses, `EINTR` if a signal ended the wait (the changes
 * are then applied), or the errno of a change that failed without room to say
 * so (earlier changes are applied, later ones not). The event list is then
 * empty, unless it was the change list too.
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
 * The same with `struct kevent64_s`: kevent64(2). A queue that has been given
 * to one of the two calls answers the other with `EINVAL`.
 *
 * @param flags `KEVENT_FLAG_IMMEDIATE`: poll, whatever the timeout says.
 * `KEVENT_FLAG_ERROR_EVENTS`: write the entries of failed changes and of
 * receipts only.
 * @returns As {@link kevent}.
 * @throws {TypeError | RangeError} For an argument that does not fit.
 * @throws {KqueueError} As {@link kevent}; `ERR_KQUEUE_UNSUPPORTED` where the
 * kernel has no kevent64.
 */
export const kevent64: (
  kq: number,
  changelist: Kevent64List | readonly KeventInit[] | null,
  eventlist: Kevent64List | null,
  flags: number,
  timeout?: Timeout,
) => number = calls.kevent64;

/**
 * Close a descriptor: close(2). Closing a queue drops its registrations;
 * closing anything else removes it from every queue without an event. On Linux
 * it is the one close that does so at once: see the notes on Linux. Closing the
 * descriptor of a {@link Kqueue} closes the Kqueue.
 *
 * @throws {TypeError | RangeError} If `fd` is not an integer from 0 to 2**31-1.
 * @throws {KqueueError} `EBADF` if it is not open; `EINTR` or `EIO`.
 */
export const close = (fd: number): void => {
  const owner = fdOwners.get(fd);
  if (owner === undefined) {
    calls.close(fd);
  } else if (isQueue(fd)) {
    owner.close();
  } else {
    owner.abandon();
    calls.close(fd);
  }
};

/** Whether a descriptor is a queue's: a call that does nothing asks. */
export function isQueue(fd: number): boolean {
  try {
    calls.kevent(fd, null, null, 0);
    return true;
  } catch (error) {
    if (!(error instanceof KqueueError)) throw error;
    // A call without changes has no other ENOENT.
    const { name } = currentKernel().facts;
    const code = name === 'libkqueue' ? 'ENOENT' : 'EBADF';
    return error.code !== 'EBADF' && error.code !== code;
  }
}
