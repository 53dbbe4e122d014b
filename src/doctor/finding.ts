/** The result of one check. */
export interface Finding {
  readonly name:
    | 'kernel'
    | 'environment'
    | 'runtime'
    | 'koffi'
    | 'library'
    | 'struct'
    | 'errors'
    | 'events'
    | 'timers'
    | 'errno'
    | 'pollable'
    | 'loop';
  /** `null` if the check is only informative, or could not be run. */
  readonly ok: boolean | null;
  /** The result, and what to do about a failure, in plain sentences. */
  readonly says: string;
}

/** The advice for an interface that differs from its table. */
export const WRONG_ABI =
  'Do not use this package on this kernel: it would read and write the wrong fields. If KQUEUE_FFI_ABI is set, it names the wrong kernel. If not, please report this with the output of `kq doctor --report`.';

/** The message of an error. */
export const errorMessage = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
