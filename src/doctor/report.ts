import type { KernelChoice } from '../host/index.js';
import type { StructLayout } from '../memory/index.js';
import type { Finding } from './finding.js';

/** What {@link doctor} found. It is plain data, ready for JSON. */
export interface DoctorReport {
  /** False if anything is not as it must be: do not rely on the kernel then. */
  readonly ok: boolean;
  /** The version of this package. */
  readonly version: string;
  /** Such as `Node.js 20.20.2`. */
  readonly runtime: string;
  readonly platform: string;
  readonly arch: string;
  /** The release of the operating system. */
  readonly release: string;
  /** The C library on Linux, where it can be told; else null. */
  readonly libc: string | null;
  readonly koffi: string | null;
  readonly kernel: KernelChoice;
  /** The library that is called, or null if it is the kqueue built in. */
  readonly library: string | null;
  /** The symbol of kevent in that library. */
  readonly symbol: string | null;
  /** The layout of `struct kevent`, or null if no kernel could be had. */
  readonly struct: StructLayout | null;
  /** The variables of this library that are set, and no others. */
  readonly environment: Readonly<Record<string, string>>;
  /** The checks, in their order. */
  readonly findings: readonly Finding[];
}
