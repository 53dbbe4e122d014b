import { constants as os, release } from 'node:os';
import type { Constants, KernelFacts } from '../abi/index.js';
import { hostFacts } from './host.js';

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
  {
    kernel: 'openbsd',
    since: 7.8,
    names: [...USER, ...TIMER_UNITS],
  },
];

const omit = (table: Constants, names: readonly string[]): Constants =>
  Object.fromEntries(
    Object.entries(table).filter(([name]) => !names.includes(name)),
  );

/**
 * A kernel's table as one release of it is: without what came later. An older
 * kernel does not refuse a timer's unit, it takes it for milliseconds.
 */
export function factsOfRelease(
  facts: KernelFacts,
  version: string,
): KernelFacts {
  const number = Number.parseFloat(version);
  const novelty = RELEASE_ADDITIONS.find(
    ({ kernel, since }) => kernel === facts.name && number < since,
  );
  if (novelty === undefined) return facts;
  return {
    ...facts,
    constants: omit(facts.constants, novelty.names),
    timerUnits: { default: 'milliseconds', encoding: 'none' },
  };
}

/**
 * What the running kernel speaks: its table, as of its release, with the
 * signal numbers of this system.
 */
export function hostDialect(): KernelFacts {
  const facts = hostFacts.platforms.includes(process.platform)
    ? factsOfRelease(hostFacts, release())
    : hostFacts;
  return { ...facts, signals: { ...os.signals } };
}
