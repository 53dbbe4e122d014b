import type { DoctorReport } from './report.js';

export type { Finding } from './finding.js';
export type { DoctorReport };

const loadDoctor = (): typeof import('./doctor.js') =>
  require('./doctor.js') as typeof import('./doctor.js');

/**
 * Find out whether this library and the kernel understand each other: which
 * kernel and library answer, then, on the live kernel, that every field of
 * `struct kevent` and every unit of a timer is where its table says, that
 * errors are told and that events wake the event loop.
 *
 * It blocks the thread for some 50 ms, and for 3 s if timers are wrong. It
 * changes nothing and leaves nothing open. In the report there is nothing about
 * you but the versions of your system, the variables that begin with
 * `KQUEUE_FFI_`, and paths, with `~` for your home.
 *
 * @returns A report. It does not reject: what goes wrong is a finding.
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
