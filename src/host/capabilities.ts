import type { KernelFacts } from '../abi/index.js';
import { hostDialect } from './dialect.js';
import { kernel } from './host.js';
import { LINUX } from './linux-capabilities.js';

/** Whether a feature is available, and why. */
export interface Capability {
  /**
   * `native`: the kernel has it. `emulated`: this package implements it with other
   * system calls. `absent`: a request is an error, or it never happens. `reason` has
   * the details.
   */
  readonly support: 'native' | 'emulated' | 'absent';
  readonly reason: string;
}

/** A filter and its notes, by name: without `NOTE_`, in lower case. */
export interface FilterCapability extends Capability {
  readonly notes: Readonly<Record<string, Capability>>;
}

/** The filters with a type of their own, and `EVFILT_FS`, which is used as `raw`. */
export type Capabilities = Readonly<
  Record<
    | 'read'
    | 'write'
    | 'except'
    | 'vnode'
    | 'proc'
    | 'signal'
    | 'timer'
    | 'user'
    | 'fs',
    FilterCapability
  >
>;

const NAMES = [
  'read',
  'write',
  'except',
  'vnode',
  'proc',
  'signal',
  'timer',
  'user',
  'fs',
] as const;

/** The differences of a filter and its notes from the kernel's own. */
export interface Deviations {
  readonly filter: Capability;
  readonly notes?: Readonly<Record<string, Capability>>;
}

const isNote = (name: string): boolean => !/MASK$|^NOTE_FF|^VQ_/.test(name);

/** Notes that are in Darwin's header and that its kernel refuses with ENOTSUP. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  darwin: ['NOTE_TRACK', 'NOTE_TRACKERR', 'NOTE_CHILD'],
};

function notesOf(
  facts: KernelFacts,
  name: string,
  filter: Capability,
): Record<string, Capability> {
  const group = facts.groups[`fflag:${name.toUpperCase()}`] ?? {};
  const notes: Record<string, Capability> = {};
  const isUnitless = name === 'timer' && facts.timerUnits.encoding === 'none';
  for (const note of Object.keys(group).filter(isNote)) {
    const short = note.slice('NOTE_'.length).toLowerCase();
    if (facts.constants[note] === undefined || isUnitless) {
      const reason = `not in this release of ${facts.name}`;
      notes[short] = { support: 'absent', reason };
    } else if (REFUSED[facts.name]?.includes(note)) {
      const reason = `${facts.name} refuses ${note} with ENOTSUP`;
      notes[short] = { support: 'absent', reason };
    } else {
      notes[short] = filter;
    }
  }
  return notes;
}

function native(facts: KernelFacts, name: string): FilterCapability {
  const constant = `EVFILT_${name.toUpperCase()}`;
  const has = facts.constants[constant] !== undefined;
  const filter: Capability = has
    ? { support: 'native', reason: `${facts.name} has ${constant}` }
    : { support: 'absent', reason: `${facts.name} has no ${constant}` };
  return { ...filter, notes: has ? notesOf(facts, name, filter) : {} };
}

function onLinux(facts: KernelFacts, name: string): FilterCapability {
  const { filter, notes } = LINUX[name];
  return { ...filter, notes: { ...notesOf(facts, name, filter), ...notes } };
}

/**
 * The capabilities of a kernel. This is a pure function of its table, so it works for
 * any kernel on any host.
 *
 * @param facts A table of `kqueue-ffi/abi`.
 * @param name `'linux'` for the kqueue built into this package, which uses Darwin's
 * table and lacks some of its features.
 */
export function capabilitiesOf(
  facts: KernelFacts,
  name: string = facts.name,
): Capabilities {
  const describe = name === 'linux' ? onLinux : native;
  return Object.fromEntries(
    NAMES.map((filter) => [filter, describe(facts, filter)]),
  ) as unknown as Capabilities;
}

let known: Capabilities | undefined;

/**
 * List which filters and notes the running kernel has, emulates or lacks.
 *
 * @example
 * ```ts
 * import { capabilities } from 'kqueue-ffi';
 *
 * const { support, reason } = capabilities().proc.notes.fork;
 * console.log(`fork: ${support}, as ${reason}`);
 * ```
 */
export function capabilities(): Capabilities {
  known ??= capabilitiesOf(hostDialect(), kernel.name);
  return known;
}
