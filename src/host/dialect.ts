import { constants as os, release } from 'node:os';
import type { Constants, KernelFacts } from '../abi/index.js';
import { hostFacts, kernel } from './host.js';

/** Constants that a release of a kernel added. */
interface ReleaseAddition {
  readonly kernel: string;
  readonly since: number;
  readonly names: readonly string[];
}

const TIMER_UNITS = [
  'NOTE_SECONDS',
  'NOTE_MSECONDS',
  'NOTE_USECONDS',
  'NOTE_NSECONDS',
  'NOTE_ABSTIME',
];

const USER = [
  'EVFILT_USER',
  'NOTE_FFNOP',
  'NOTE_FFAND',
  'NOTE_FFOR',
  'NOTE_FFCOPY',
  'NOTE_TRIGGER',
  'NOTE_FFCTRLMASK',
  'NOTE_FFLAGSMASK',
];

const RELEASE_ADDITIONS: readonly ReleaseAddition[] = [
  {
    kernel: 'netbsd',
    since: 10,
    names: [
      ...USER,
      ...TIMER_UNITS,
      'EVFILT_FS',
      'EVFILT_EMPTY',
      'EV_RECEIPT',
      'EV_DISPATCH',
      'NOTE_OPEN',
      'NOTE_CLOSE',
      'NOTE_CLOSE_WRITE',
      'NOTE_READ',
    ],
  },
  { kernel: 'openbsd', since: 7.4, names: TIMER_UNITS },
  { kernel: 'openbsd', since: 7.8, names: USER },
];

const omit = (table: Constants, names: readonly string[]): Constants =>
  Object.fromEntries(
    Object.entries(table).filter(([name]) => !names.includes(name)),
  );

const WITHOUT_UNITS: KernelFacts['timerUnits'] = {
  default: 'milliseconds',
  encoding: 'none',
};

/** Whether a kernel's timers got their units in some release. */
const gainedTimerUnits = ({ name }: KernelFacts): boolean =>
  RELEASE_ADDITIONS.some(
    ({ kernel, names }) => kernel === name && names.includes(TIMER_UNITS[0]),
  );

/**
 * Whether only a test can show that a kernel's timers have the units of its
 * table. An earlier release does not refuse a unit: it treats every number as
 * milliseconds. A library that is not the system's own may do anything:
 * libkqueue 2.3 treats microseconds as nanoseconds.
 */
export const areTimerUnitsUncertain = (facts: KernelFacts): boolean =>
  facts.timerUnits.encoding !== 'none' &&
  (gainedTimerUnits(facts) || !facts.platforms.includes(process.platform));

/** The table of a kernel as of one release: without later additions. */
export function factsOfRelease(
  facts: KernelFacts,
  version: string,
): KernelFacts {
  const number = Number.parseFloat(version);
  const missing = RELEASE_ADDITIONS.filter(
    ({ kernel, since }) => kernel === facts.name && number < since,
  ).flatMap(({ names }) => names);
  if (missing.length === 0) return facts;
  const constants = omit(facts.constants, missing);
  return missing.includes(TIMER_UNITS[0])
    ? { ...facts, constants, timerUnits: WITHOUT_UNITS }
    : { ...facts, constants };
}

/** The table of the running kernel, as of its release. */
const releaseFacts: KernelFacts = hostFacts.platforms.includes(process.platform)
  ? factsOfRelease(hostFacts, release())
  : hostFacts;

/**
 * The constants of the running kernel, as of its release. The release of a
 * library of `KQUEUE_FFI_LIBRARY` is unknown, so it has all.
 */
export const hostConstants: Constants = releaseFacts.constants;

let probeTimerUnits: (() => boolean) | undefined;
let hasTimerUnits: boolean | undefined;

/**
 * Set the function that tests whether the timers of the running kernel have
 * units. Rooms above can call the kernel; this one cannot. A test that throws
 * is repeated later.
 */
export function setTimerUnitsProbe(probe: () => boolean): void {
  probeTimerUnits = probe;
}

/**
 * The units of the running kernel's timers, tested on the kernel if in doubt.
 */
function hostTimerUnits(): KernelFacts['timerUnits'] {
  const { timerUnits } = releaseFacts;
  const isBuiltIn = kernel.name === 'linux' || !kernel.supported;
  if (isBuiltIn || !areTimerUnitsUncertain(releaseFacts)) return timerUnits;
  try {
    hasTimerUnits ??= probeTimerUnits?.();
  } catch {
    // The next call that needs the kernel reports why there is none.
  }
  return hasTimerUnits === true ? timerUnits : WITHOUT_UNITS;
}

/**
 * The dialect of the running kernel: its table as of its release, with the
 * signal numbers of this system. Reading `timerUnits` may call the kernel.
 */
export function hostDialect(): KernelFacts {
  return {
    ...releaseFacts,
    signals: { ...os.signals },
    get timerUnits() {
      return hostTimerUnits();
    },
  };
}
