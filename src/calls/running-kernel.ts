import type { KernelFacts } from '../abi/shape.js';
import { KqueueError } from '../errors.js';
import { loadError, reasonOf } from '../ffi/library.js';
import { loadFfiKernel } from '../ffi/native-kernel.js';
import { hostDialect } from '../host/dialect.js';
import {
  kernel as choice,
  hostCpu,
  hostFacts,
  isTraced,
} from '../host/host.js';
import { createLinuxKernel } from '../linux/kernel.js';
import {
  type KeventMemory,
  type KeventWords,
  wordsOf,
} from '../memory/kevent-memory.js';
import { layoutOf } from '../memory/layout.js';
import type { TimespecMemory, TimespecWidth } from '../memory/timespec.js';
import { traced } from './trace.js';

/**
 * What answers the three calls: a system's own kqueue through FFI, or the one
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
  /** The errno of the call that just returned -1, in the facts' numbering. */
  errno(): number;
  /** What there is to say of a descriptor that is no queue: EBADF. */
  whyNoQueue?(fd: number): string | undefined;
}

let running: Kernel | undefined;

/**
 * The kernel of this process, loaded at the first use. A load that failed is
 * tried again at the next.
 *
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` where there is none,
 * `ERR_KQUEUE_LOAD` where its library cannot be loaded.
 */
export function currentKernel(): Kernel {
  running ??= load();
  return running;
}

function load(): Kernel {
  if (!choice.supported) {
    throw new KqueueError(
      `No kqueue can be had here: ${choice.reason}`,
      'ERR_KQUEUE_UNSUPPORTED',
    );
  }
  try {
    const kernel =
      choice.name === 'linux'
        ? createLinuxKernel()
        : loadFfiKernel(hostFacts, hostCpu, choice.libraries);
    return isTraced() ? traced(kernel, hostDialect()) : kernel;
  } catch (error) {
    if (error instanceof KqueueError) throw error;
    throw loadError(reasonOf(error), error);
  }
}

let knownWords: KeventWords | undefined;

/**
 * The layout of the running kernel's `struct kevent`. Known without loading
 * anything but on NetBSD, where the library tells which of two it is.
 */
export function currentWords(): KeventWords {
  if (knownWords !== undefined) return knownWords;
  const [symbol, ...others] = hostFacts.symbols.kevent;
  // The built-in kernel's records are those of a 64-bit Darwin on any CPU.
  const cpu = choice.name === 'linux' ? 'x64' : hostCpu;
  knownWords =
    others.length > 0 && choice.supported
      ? currentKernel().words
      : wordsOf(layoutOf(hostFacts, cpu, symbol.struct));
  return knownWords;
}

/**
 * The layout of the running kernel's `struct kevent64_s`.
 *
 * @throws {KqueueError} `ERR_KQUEUE_UNSUPPORTED` where there is no kevent64.
 */
export function currentWords64(): KeventWords {
  if (hostFacts.structs.kevent64_s === undefined) {
    throw new KqueueError(
      `There is no kevent64 on ${hostFacts.name}: only Darwin has it`,
      'ERR_KQUEUE_UNSUPPORTED',
      undefined,
      'kevent64',
    );
  }
  const cpu = choice.name === 'linux' ? 'x64' : hostCpu;
  return wordsOf(layoutOf(hostFacts, cpu, 'kevent64_s'));
}
