import { KqueueError } from '../errors.js';
import type { Step } from './change.js';

/** A change that the kernel refused. */
export interface ChangeFailure<T = unknown> {
  readonly step: Step<T>;
  readonly error: KqueueError;
}

/** The result of one step of {@link Kqueue.apply}. */
export type ChangeResult<T = unknown> =
  | { readonly step: Step<T>; readonly ok: true; readonly error: undefined }
  | { readonly step: Step<T>; readonly ok: false; readonly error: KqueueError };

/**
 * The kernel refused one or more changes of a call. The other changes are applied.
 * `code` and `errno` are those of the first refused change.
 *
 * @example
 * ```ts
 * import { Kqueue, KqueueChangeError } from 'kqueue-ffi';
 *
 * using kq = new Kqueue();
 * try {
 *   kq.delete({ filter: 'timer', id: 1 }, { filter: 'user', id: 2 });
 * } catch (error) {
 *   if (!(error instanceof KqueueChangeError)) throw error;
 *   for (const { step, error: why } of error.failures) console.log(step, why.code);
 * }
 * ```
 */
export class KqueueChangeError extends KqueueError {
  override readonly name: string = 'KqueueChangeError';
  /** The refused changes, in order. There is at least one. */
  readonly failures: readonly ChangeFailure[];

  constructor(failures: readonly ChangeFailure[]) {
    const [{ error }, ...others] = failures;
    const more =
      others.length === 0
        ? ''
        : ` (and ${others.length} more: ${others.map((other) => other.error.code).join(', ')})`;
    super(error.message + more, error.code, error.errno, error.syscall, {
      cause: error,
    });
    this.failures = failures;
  }
}
