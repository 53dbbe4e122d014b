import type { KernelFacts } from '../abi/index.js';
import {
  type KeventList,
  listFor,
  type Syscalls,
  syscallsOf,
} from '../calls/index.js';
import type { Kernel, KeventWords } from '../memory/index.js';

/** The kernel to check, through the calls that programs use. */
export interface Subject {
  /** The table to check it against. */
  readonly facts: KernelFacts;
  readonly words: KeventWords;
  readonly calls: Syscalls;
  /**
   * A list with space for many more entries than are ever requested: a kernel
   * with a larger struct must not write past its end.
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

/** Use a queue, and close it in any case. */
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
      // A finding has reported the failure already.
    }
  }
}
