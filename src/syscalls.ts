import {
  KqueueError,
  misuse,
  type Syscall,
  throwBadInteger,
} from './errors.js';
import { currentKernel, type Kernel } from './kernel.js';
import { encode, type KeventInit } from './kevent.js';
import { isList, type KeventList, memoryOf } from './kevent-list.js';
import { allocate, type KeventMemory } from './kevent-memory.js';
import { errnoName } from './names.js';
import { allocateTimespec, encodeTimeout, type Timeout } from './timespec.js';

const MAX_FD = 0x7fffffff;
const MAX_CHANGES = 2 ** 20;
const KEVENT = 'call kevent';

/** The three calls over one kernel. */
export interface Syscalls {
  kqueue(): number;
  kevent(
    kq: number,
    changelist: KeventList | readonly KeventInit[] | null,
    eventlist: KeventList | null,
    timeout?: Timeout,
  ): number;
  close(fd: number): void;
}

const isFd = (value: unknown): value is number =>
  typeof value === 'number' &&
  value >= 0 &&
  value <= MAX_FD &&
  Number.isInteger(value);

const FD_RANGE = `an integer from 0 to ${MAX_FD}`;

function fail(kernel: Kernel, syscall: Syscall): never {
  const errno = kernel.errno();
  const code = errnoName(kernel.facts, errno) ?? `E${errno}`;
  throw new KqueueError(`${syscall} ${code}`, code, -errno, syscall);
}

/** Make the calls of the kernel that `kernelOf` gives at the first use. */
export function syscallsOf(kernelOf: () => Kernel): Syscalls {
  const scratchTimespec = allocateTimespec();
  // Memory for changes given as objects. Taken while it is being filled, so
  // that a getter that calls kevent() itself cannot overwrite it.
  let spare: KeventMemory | undefined;

  const takeScratch = (kernel: Kernel, count: number): KeventMemory => {
    const memory = spare;
    spare = undefined;
    if (memory !== undefined && memory.capacity >= count) return memory;
    const capacity = Math.max(16, 2 ** Math.ceil(Math.log2(count)));
    return allocate(capacity, kernel.words);
  };

  const encodeChanges = (
    kernel: Kernel,
    changes: readonly KeventInit[],
  ): KeventMemory => {
    // A Proxy of an array may say anything of its length.
    const count = changes.length >>> 0;
    if (count > MAX_CHANGES) {
      throw new RangeError(
        misuse(KEVENT, 'changelist', 'at most 2**20 changes', count),
      );
    }
    const memory = takeScratch(kernel, count);
    for (let i = 0; i < count; i++) encode(memory, i, changes[i]);
    memory.length = count;
    return memory;
  };

  const listMemory = (
    kernel: Kernel,
    list: KeventList,
    name: string,
    expected: string,
  ): KeventMemory => {
    const memory = memoryOf(list, KEVENT, name, expected);
    if (memory.words.layout.size !== kernel.words.layout.size) {
      throw new TypeError(
        misuse(KEVENT, name, "a KeventList of this kernel's layout", list),
      );
    }
    return memory;
  };

  return {
    kqueue() {
      const kernel = kernelOf();
      const fd = kernel.kqueue();
      return fd < 0 ? fail(kernel, 'kqueue') : fd;
    },

    kevent(kq, changelist, eventlist, timeout) {
      if (!isFd(kq)) throwBadInteger(KEVENT, 'kq', FD_RANGE, kq);
      const kernel = kernelOf();
      let events: KeventMemory | null = null;
      let nevents = 0;
      if (eventlist !== null) {
        events = listMemory(
          kernel,
          eventlist,
          'eventlist',
          'a KeventList or null',
        );
        nevents = events.capacity;
      }
      let changes: KeventMemory | null = null;
      let own: KeventMemory | undefined;
      if (changelist !== null) {
        if (isList(changelist)) {
          changes = listMemory(kernel, changelist, 'changelist', '');
        } else if (Array.isArray(changelist)) {
          own = encodeChanges(kernel, changelist);
          changes = own;
        } else {
          throw new TypeError(
            misuse(
              KEVENT,
              'changelist',
              'a KeventList, an array of kevents or null',
              changelist,
            ),
          );
        }
      }
      // Encoded last: a getter among the changes may have called kevent().
      const timed = encodeTimeout(
        scratchTimespec,
        kernel.width,
        timeout,
        KEVENT,
      );
      const count = kernel.kevent(
        kq,
        changes,
        changes === null ? 0 : changes.length,
        events,
        nevents,
        timed ? scratchTimespec : null,
      );
      if (own !== undefined) spare = own;
      if (count < 0) {
        if (events !== null && events !== changes) events.length = 0;
        return fail(kernel, 'kevent');
      }
      if (events === null) return 0;
      events.length = Math.min(count, nevents);
      return events.length;
    },

    close(fd) {
      if (!isFd(fd)) throwBadInteger('call close', 'fd', FD_RANGE, fd);
      const kernel = kernelOf();
      if (kernel.close(fd) < 0) fail(kernel, 'close');
    },
  };
}

const calls = syscallsOf(currentKernel);

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
export const kqueue: () => number = calls.kqueue;

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
 * Close a descriptor: close(2). Closing a queue drops its registrations;
 * closing anything else removes it from every queue without an event. On Linux
 * it is the one close that does so at once: see the notes on Linux.
 *
 * @throws {TypeError | RangeError} If `fd` is not an integer from 0 to 2**31-1.
 * @throws {KqueueError} `EBADF` if it is not open; `EINTR` or `EIO`.
 */
export const close: (fd: number) => void = calls.close;
