import type { KernelFacts } from '../abi/index.js';
import type { KeventMemory, KeventWords } from './kevent-memory.js';
import type { TimespecMemory, TimespecWidth } from './timespec.js';

/** The registration that a refused change names. */
export interface RefusedChange {
  readonly filter: number;
  readonly ident: number | bigint;
}

/**
 * A kernel: the system's own kqueue through FFI, or the kqueue over epoll. Code
 * above cannot tell them apart.
 *
 * Arguments are already checked: integers are in range, and memory has this kernel's
 * layout. Each call returns what its man page says, and -1 for an error.
 */
export interface Kernel {
  readonly facts: KernelFacts;
  readonly words: KeventWords;
  readonly width: TimespecWidth;
  kqueue(): number;
  /** `id` is what {@link queueId} returned: EBADF if it is another queue now. */
  kevent(
    kq: number,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    timeout: TimespecMemory | null,
    id?: number | undefined,
  ): number;
  /**
   * A number that only this queue has, however many descriptors it has. Absent if
   * the kernel has none: then a descriptor stands for the queue.
   */
  queueId?(kq: number): number | undefined;
  /** The layout of struct kevent64_s, where the kernel has kevent64. */
  readonly words64?: KeventWords | undefined;
  /** kevent64(2): lists with that layout, and flags before the timeout. */
  kevent64?(
    kq: number,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    flags: number,
    timeout: TimespecMemory | null,
  ): number;
  close(fd: number): number;
  /**
   * Let other threads trigger a user event: fill in the words of a handle, which has
   * the event's ident. Absent if any thread may call kevent on the queue.
   */
  openWaker?(kq: number, words: Int32Array): number;
  /** Undo `openWaker`. */
  closeWaker?(kq: number, words: Int32Array): void;
  /** The errno of the call that just returned -1, in the facts' numbering. */
  errno(): number;
  /**
   * Why an errno, in addition to its name: of a change that was refused, or without
   * one of the call that just failed.
   */
  reason?(errno: number, change?: RefusedChange): string | undefined;
  /** Why a descriptor is not a queue: the reason for an EBADF. */
  whyNoQueue?(fd: number): string | undefined;
}
