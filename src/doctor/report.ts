import type { KernelChoice } from '../host/index.js';
import type { StructLayout } from '../memory/index.js';
import type { Finding } from './finding.js';

/** The report of {@link doctor}: plain data that can be written as JSON. */
export interface DoctorReport {
  /** False if a check failed. Do not use the package on this kernel then. */
  readonly ok: boolean;
  /** The version of this package. */
  readonly version: string;
  /** The runtime and its version, such as `Node.js 20.20.2`. */
  readonly runtime: string;
  readonly platform: string;
  readonly arch: string;
  /** The release of the operating system. */
  readonly release: string;
  /** The C library, if it is known (Linux only); otherwise null. */
  readonly libc: string | null;
  readonly koffi: string | null;
  readonly kernel: KernelChoice;
  /** The library that is called; null for the built-in kqueue. */
  readonly library: string | null;
  /** The symbol of kevent in that library. */
  readonly symbol: string | null;
  /** The layout of `struct kevent`; null if there is no kernel. */
  readonly struct: StructLayout | null;
  /** The variables of this package that are set, and no others. */
  readonly environment: Readonly<Record<string, string>>;
  /** The results of the checks, in order. */
  readonly findings: readonly Finding[];
}
