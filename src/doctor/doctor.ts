import { release } from 'node:os';
import { currentKernel } from '../calls/running-kernel.js';
import { hostDialect } from '../host/dialect.js';
import { kernel as choice, type KernelChoice } from '../host/host.js';
import type { Kernel } from '../memory/kernel.js';
import type { StructLayout } from '../memory/layout.js';
import type { Finding } from './finding.js';
import { saying } from './finding.js';
import { examineErrors, examineEvents } from './layout.js';
import { examineErrno, examineLoop, examinePollable } from './live.js';
import { type Subject, subjectOf } from './subject.js';
import {
  examineEnvironment,
  examineKernel,
  examineKoffi,
  examineLibrary,
  examineRuntime,
  examineStruct,
  libcName,
  overrides,
  runtimeName,
  withoutHome,
} from './system.js';
import { examineTimers } from './timers.js';

export type { Finding };

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
  /** What was looked at, in this order. */
  readonly findings: readonly Finding[];
}

const notTried = (name: Finding['name'], why: string): Finding => ({
  name,
  ok: null,
  says: `Not tried: ${why}.`,
});

const WRONG = 'first the rest has to be right';

/**
 * Try a kernel, or a double of one. What is found to be wrong is not poked any
 * further: nobody knows what it would read and write.
 *
 * @param latest How long to wait for a timer, in milliseconds.
 */
export function examine(subject: Subject, latest?: number): Finding[] {
  const findings: Finding[] = [];
  const next = (name: Finding['name'], look: () => Finding): void => {
    findings.push(isFine(findings) ? look() : notTried(name, WRONG));
  };
  next('errors', () => examineErrors(subject));
  next('events', () => examineEvents(subject));
  next('timers', () => examineTimers(subject, latest));
  next('errno', () => examineErrno(subject));
  return findings;
}

const isFine = (findings: readonly Finding[]): boolean =>
  findings.every(({ ok }) => ok !== false);

const UNTRIED = [
  'library',
  'struct',
  'errors',
  'events',
  'timers',
  'errno',
  'pollable',
  'loop',
] as const;

/** Look at the kernel that was loaded, or say why there is none. */
async function examineHost(): Promise<
  Pick<DoctorReport, 'library' | 'symbol' | 'struct' | 'findings'>
> {
  const none = { library: null, symbol: null, struct: null };
  let kernel: Kernel;
  try {
    kernel = currentKernel();
  } catch (error) {
    const [first, ...rest] = UNTRIED;
    const findings = [
      { name: first, ok: false, says: saying(error) },
      ...rest.map((name) => notTried(name, 'there is nothing to try it on')),
    ];
    return { ...none, findings };
  }
  const { library, symbol, ...found } = examineLibrary(kernel.words);
  const findings: Finding[] = [
    found,
    examineStruct(kernel.words),
    ...examine(subjectOf(kernel, hostDialect())),
  ];
  // A descriptor that is no queue ends the process when it is watched.
  if (isFine(findings)) findings.push(examinePollable(), await examineLoop());
  else {
    findings.push(notTried('pollable', WRONG), notTried('loop', WRONG));
  }
  return { library, symbol, struct: kernel.words.layout, findings };
}

/** Every text of a report without the name of anybody's home. */
function anonymous<Value>(value: Value): Value {
  const text = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? withoutHome(part) : part,
  );
  return JSON.parse(text) as Value;
}

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
  const { version } = require('../../package.json') as {
    version: string;
  };
  const { version: koffi, ...koffiFinding } = examineKoffi();
  const host = await examineHost();
  const findings = [
    examineKernel(),
    examineEnvironment(),
    examineRuntime(),
    koffiFinding,
    ...host.findings,
  ];
  return anonymous({
    ok: isFine(findings),
    version,
    runtime: runtimeName(),
    platform: process.platform,
    arch: process.arch,
    release: release(),
    libc: libcName(),
    koffi,
    kernel: choice,
    ...host,
    environment: overrides(),
    findings,
  });
}
