import type { KernelFacts } from '../abi/index.js';
import {
  type KeventList,
  listFor,
  type Syscalls,
  syscallsOf,
} from '../calls/index.js';
import type { Kernel, KeventWords } from '../memory/index.js';

/** The kernel that is examined, through the very calls that programs use. */
export interface Subject {
  /** The kernel that it is believed to be. */
  readonly facts: KernelFacts;
  readonly words: KeventWords;
  readonly calls: Syscalls;
  /**
   * A list with room for many more entries than are ever asked for: a kernel
   * whose struct is larger than believed must not write past its end.
   */
  list(): KeventList;
}

const CAPACITY = 64;

export const subjectOf = (kernel: Kernel, facts: KernelFacts): Subject => ({
  facts,
  words: kernel.words,
  calls: syscallsOf(() => kernel),
  list: () => listFor(kernel.words, CAPACITY),
});

/** Use a queue and close it, whatever happens. */
export function withQueue<Result>(
  { calls }: Subject,
  use: (kq: number) => Result,
): Result {
  const kq = calls.kqueue();
  try {
    return use(kq);
  } finally {
    try {
      calls.close(kq);
    } catch {
      // A finding reports the failure already.
    }
  }
}
