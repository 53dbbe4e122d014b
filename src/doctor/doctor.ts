import { release } from 'node:os';
import { currentKernel } from '../calls/index.js';
import { kernel as choice, hostDialect } from '../host/index.js';
import type { Kernel } from '../memory/index.js';
import { examineErrno } from './errno.js';
import { examineLoop, examinePollable } from './event-loop.js';
import type { Finding } from './finding.js';
import { errorMessage } from './finding.js';
import { examineErrors, examineEvents } from './layout.js';
import type { DoctorReport } from './report.js';
import { type Subject, subjectOf } from './subject.js';
import {
  examineEnvironment,
  examineKernel,
  examineKoffi,
  examineLibrary,
  examineRuntime,
  examineStruct,
  libcName,
  readOverrides,
  replaceHome,
  runtimeName,
} from './system.js';
import { examineTimers } from './timers.js';

const skippedFinding = (name: Finding['name'], why: string): Finding => ({
  name,
  ok: null,
  says: `Skipped: ${why}.`,
});

const EARLIER_FAILURE = 'an earlier check failed';

/**
 * Check a kernel, or a double of one. After a failure the kernel is not called
 * any more, because it would read and write unknown memory.
 *
 * @param latest How long to wait for a timer, in milliseconds.
 */
export function examine(subject: Subject, latest?: number): Finding[] {
  const findings: Finding[] = [];
  const next = (name: Finding['name'], look: () => Finding): void => {
    findings.push(
      areFine(findings) ? look() : skippedFinding(name, EARLIER_FAILURE),
    );
  };
  next('errors', () => examineErrors(subject));
  next('events', () => examineEvents(subject));
  next('timers', () => examineTimers(subject, latest));
  next('errno', () => examineErrno(subject));
  return findings;
}

const areFine = (findings: readonly Finding[]): boolean =>
  findings.every(({ ok }) => ok !== false);

const KERNEL_FINDINGS = [
  'library',
  'struct',
  'errors',
  'events',
  'timers',
  'errno',
  'pollable',
  'loop',
] as const;

/** Check the kernel that was loaded, or report why there is none. */
async function examineHost(): Promise<
  Pick<DoctorReport, 'library' | 'symbol' | 'struct' | 'findings'>
> {
  const none = { library: null, symbol: null, struct: null };
  let kernel: Kernel;
  try {
    kernel = currentKernel();
  } catch (error) {
    const [first, ...rest] = KERNEL_FINDINGS;
    const findings = [
      { name: first, ok: false, says: errorMessage(error) },
      ...rest.map((name) =>
        skippedFinding(name, 'there is no kernel to check'),
      ),
    ];
    return { ...none, findings };
  }
  const { library, symbol, ...found } = examineLibrary(kernel.words);
  const findings: Finding[] = [
    found,
    examineStruct(kernel.words),
    ...examine(subjectOf(kernel, hostDialect())),
  ];
  // Watching a descriptor that is not a queue ends the process.
  if (areFine(findings)) findings.push(examinePollable(), await examineLoop());
  else {
    findings.push(
      skippedFinding('pollable', EARLIER_FAILURE),
      skippedFinding('loop', EARLIER_FAILURE),
    );
  }
  return { library, symbol, struct: kernel.words.layout, findings };
}

/** Remove the user's name from every text of a report. */
function redactHome<Value>(value: Value): Value {
  const text = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? replaceHome(part) : part,
  );
  return JSON.parse(text) as Value;
}

/** {@link doctor}, loaded when it is first called. */
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
  return redactHome({
    ok: areFine(findings),
    version,
    runtime: runtimeName(),
    platform: process.platform,
    arch: process.arch,
    release: release(),
    libc: libcName(),
    koffi,
    kernel: choice,
    ...host,
    environment: readOverrides(),
    findings,
  });
}
