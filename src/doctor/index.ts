import type { DoctorReport } from './report.js';

export type { Finding } from './finding.js';
export type { DoctorReport };

const loadDoctor = (): typeof import('./doctor.js') =>
  require('./doctor.js') as typeof import('./doctor.js');

/**
 * Check that this package works with the running kernel. The checks cover the
 * kernel and library in use, the layout of `struct kevent`, the units of timers,
 * errors, and whether events wake the event loop.
 *
 * The call blocks the thread for about 50 ms, or for 3 s if timers are wrong. It
 * leaves nothing open. The report contains the versions of your system, variables
 * that begin with `KQUEUE_FFI_`, and paths, in which `~` stands for your home.
 *
 * @returns A report. The promise never rejects: a failure is a finding.
 *
 * @example
 * ```ts
 * import { doctor } from 'kqueue-ffi';
 *
 * const { ok, findings } = await doctor();
 * for (const finding of findings) console.log(finding.name, finding.says);
 * if (!ok) process.exitCode = 1;
 * ```
 */
export async function doctor(): Promise<DoctorReport> {
  return loadDoctor().doctor();
}
