import {
  errnoName,
  fflagNames,
  filterName,
  flagNames,
  type KernelFacts,
  signalName,
} from '../abi/index.js';
import { received } from '../errors.js';
import { readPattern, readSigned } from './kevent.js';
import type { KeventMemory } from './kevent-memory.js';
import { filterAt, flagsAt } from './kevent-read.js';

/** An object with the fields of a `struct kevent`, of any value. */
export interface KeventLike {
  readonly ident: unknown;
  readonly filter: unknown;
  readonly flags?: unknown;
  readonly fflags?: unknown;
  readonly data?: unknown;
  readonly udata?: unknown;
  readonly ext?: unknown;
}

/** Filters whose `fflags` are an errno after EOF. */
const SOCKET_END = ['EVFILT_READ', 'EVFILT_WRITE', 'EVFILT_EXCEPT'];

const isInteger = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || Number.isInteger(value);

const isBits = (value: unknown): value is number => Number.isInteger(value);

const decimal = (value: unknown): string =>
  typeof value === 'bigint' ? String(value) : received(value);

const hex = (value: unknown): string =>
  isInteger(value) && value >= 0 ? `0x${value.toString(16)}` : decimal(value);

/** A field, unless it is 0 or absent. */
const isSet = (value: unknown): boolean =>
  value !== undefined && value !== 0 && value !== 0n;

/** An ident. A number that is probably an address is in hex. */
const plainIdent = (value: unknown): string =>
  typeof value === 'bigint' && value > Number.MAX_SAFE_INTEGER
    ? hex(value)
    : decimal(value);

const identOf = (
  facts: KernelFacts,
  filter: string | undefined,
  ident: unknown,
): string =>
  (filter === 'EVFILT_SIGNAL' && isInteger(ident)
    ? signalName(facts, ident)
    : undefined) ?? plainIdent(ident);

const joinWithoutPrefix = (names: readonly string[], prefix: string): string =>
  names
    .map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name))
    .join('|');

/** Format a wait(2) status. */
function formatExit(facts: KernelFacts, status: number): string {
  const signal = status & 0x7f;
  if (signal === 0) return `exit=${(status >> 8) & 0xff}`;
  return `signal=${signalName(facts, signal) ?? signal}`;
}

/** Whether the data of a process's event is its exit status. */
function hasEnded(
  facts: KernelFacts,
  flags: number,
  fflags: unknown,
): fflags is number {
  const { EV_EOF, NOTE_EXIT } = facts.constants;
  const note: number = facts.constants.NOTE_EXITSTATUS ?? NOTE_EXIT;
  return (flags & EV_EOF) !== 0 && isBits(fflags) && (fflags & note) !== 0;
}

/**
 * Format a kevent as a line. No field makes it throw: a value that is not an
 * integer is shown unchanged.
 */
export function formatKevent(facts: KernelFacts, kevent: KeventLike): string {
  const { ident, filter, fflags, data, udata, ext } = kevent;
  const { EV_ERROR, EV_EOF } = facts.constants;
  const name = isBits(filter) ? filterName(facts, filter) : undefined;
  const flags = isBits(kevent.flags) ? kevent.flags : 0;
  const failed = (flags & EV_ERROR) !== 0;
  const words = [
    identOf(facts, name, ident),
    name?.slice('EVFILT_'.length) ?? decimal(filter),
  ];

  if (isBits(kevent.flags))
    words.push(joinWithoutPrefix(flagNames(facts, flags), 'EV_'));
  else if (isSet(kevent.flags)) words.push(`flags=${decimal(kevent.flags)}`);

  if (failed) {
    const errno =
      isInteger(data) && data > 0 ? errnoName(facts, data) : undefined;
    words.push(`data=${errno ?? decimal(data ?? 0)}`);
  } else if (isSet(data)) {
    words.push(`data=${decimal(data)}`);
  }

  if (!isBits(fflags)) {
    if (isSet(fflags)) words.push(`fflags=${decimal(fflags)}`);
  } else if (
    (flags & EV_EOF) !== 0 &&
    fflags > 0 &&
    SOCKET_END.includes(name ?? '')
  ) {
    words.push(`error=${errnoName(facts, fflags) ?? fflags}`);
  } else if (name === undefined) {
    // Notes of an unknown filter have no names.
    if (fflags !== 0) words.push(`fflags=${hex(fflags)}`);
  } else {
    words.push(fflagNames(facts, Number(filter), fflags).join('|'));
  }

  if (
    name === 'EVFILT_PROC' &&
    !failed &&
    isInteger(data) &&
    hasEnded(facts, flags, fflags)
  ) {
    words.push(formatExit(facts, Number(data) & 0xffff));
  }
  if (isSet(udata)) words.push(`udata=${hex(udata)}`);
  if (Array.isArray(ext) && ext.some(isSet)) {
    words.push(`ext=[${ext.map(hex).join(', ')}]`);
  } else if (ext !== undefined && !Array.isArray(ext)) {
    words.push(`ext=${decimal(ext)}`);
  }
  return `{${words.filter((word) => word !== '').join(' ')}}`;
}

/** Entry `index` of a block, with all bits. */
function entryOf(memory: KeventMemory, index: number): KeventLike {
  const { words, u32 } = memory;
  const base = index * words.stride;
  return {
    ident: readPattern(memory, base + words.ident, words.widePointers),
    filter: filterAt(memory, base),
    flags: flagsAt(memory, base),
    fflags: u32[base + words.fflags],
    data: readSigned(memory, base + words.data, words.wideData),
    udata: readPattern(memory, base + words.udata, words.widePointers),
    ext: Array.from({ length: words.extCount }, (_, i) =>
      readPattern(memory, base + words.ext + 2 * i, true),
    ),
  };
}

/**
 * Format the first entries of a block, one line each, and the number of the
 * others.
 */
export function formatEntries(
  facts: KernelFacts,
  memory: KeventMemory,
  length: number,
  limit: number,
): string[] {
  const count = Math.min(length, limit);
  const lines = Array.from({ length: count }, (_, i) =>
    formatKevent(facts, entryOf(memory, i)),
  );
  if (length > count) lines.push(`… ${length - count} more`);
  return lines;
}
