import type { KernelFacts } from '../abi/index.js';
import type { KeventMemory, KeventWords } from './kevent-memory.js';
import type { TimespecMemory, TimespecWidth } from './timespec.js';

/**
 * A kernel: a system's own kqueue through FFI, or the one
 * built over epoll. Everything above cannot tell them apart.
 *
 * Arguments are already checked: integers in range, memory of this kernel's
 * layout. Each call returns what the man page says, -1 for an error.
 */
export interface Kernel {
  readonly facts: KernelFacts;
  readonly words: KeventWords;
  readonly width: TimespecWidth;
  kqueue(): number;
  kevent(
    kq: number,
    changes: KeventMemory | null,
    nchanges: number,
    events: KeventMemory | null,
    nevents: number,
    timeout: TimespecMemory | null,
  ): number;
  /** The layout of struct kevent64_s, where the kernel has kevent64. */
  readonly words64?: KeventWords | undefined;
  /** kevent64(2): lists of that layout, and flags before the timeout. */
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
   * Let other threads trigger a user event: fill in the words of a handle, which
   * has the event's ident. A kernel that lacks it lets any thread call kevent.
   */
  openWaker?(kq: number, words: Int32Array): number;
  /** Undo that. */
  closeWaker?(kq: number, words: Int32Array): void;
  /** The errno of the call that just returned -1, in the facts' numbering. */
  errno(): number;
  /**
   * The reason of an errno, in addition to its name: of a change to a
   * registration on a descriptor, or of the call that just failed.
   */
  reason?(errno: number, ident?: number): string | undefined;
  /** Why a descriptor is no queue: the reason of an EBADF. */
  whyNoQueue?(fd: number): string | undefined;
}
