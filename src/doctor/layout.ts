// Checks on the running kernel that its struct kevent has our layout. Unusual
// values are passed in, and must be returned in the same fields of the first
// two entries.

import { errnoName, type KernelFacts } from '../abi/index.js';
import { type KeventList, memoryOf } from '../calls/index.js';
import { factsOfRelease } from '../host/index.js';
import type { KeventInit } from '../memory/index.js';
import { errorMessage, type Finding, WRONG_ABI } from './finding.js';
import { type Subject, withQueue } from './subject.js';

/** Two values of each: one per entry. */
interface Sentinels {
  readonly idents: readonly [bigint, bigint];
  readonly udatas: readonly [bigint, bigint];
}

const WIDE: Sentinels = {
  idents: [0x1122334455667701n, 0x1122334455667702n],
  udatas: [0xa1b2c3d4e5f60718n, 0x99aabbccddeeff01n],
};
const NARROW: Sentinels = {
  idents: [0x11223301n, 0x11223302n],
  udatas: [0xa1b2c3d4n, 0x99aabbccn],
};
/** A user event keeps only the low 24 bits of its fflags. */
const FFLAGS = [0x5a3c69, 0x173b1d] as const;
const DATA = [-0x1234567, 0x7654321] as const;

/** Invalid descriptors: -1, and one above any limit. */
const INVALID_FDS = [-1n, 0x7ffffff1n] as const;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** Describe a field that has the wrong value. */
const describeDifference = (
  entry: number,
  field: string,
  found: bigint,
  wanted: bigint,
): string | undefined =>
  found === wanted
    ? undefined
    : `${field} of entry ${entry} is ${hex(found)} and should be ${hex(wanted)}`;

/** Check that the kernel wrote nothing after the entries that it reported. */
function describeOverrun(
  list: KeventList,
  entries: number,
): string | undefined {
  const { u32, words } = memoryOf(list, 'examine', 'list', 'a list');
  const from = entries * words.stride;
  return u32.subarray(from).every((word) => word === 0)
    ? undefined
    : `something was written after the ${entries} entries`;
}

const patternOf = (value: bigint, wide: boolean): bigint =>
  BigInt.asUintN(wide ? 64 : 32, value);

const failedFinding = (name: Finding['name'], what: string): Finding => ({
  name,
  ok: false,
  says: `${what}. ${WRONG_ABI}`,
});

/**
 * Apply changes that must fail. Each has to be returned as its own entry, with
 * every field unchanged except EV_ERROR and EBADF.
 */
export function examineErrors(subject: Subject): Finding {
  const { facts, words, calls } = subject;
  const { EVFILT_READ, EV_ADD, EV_ERROR } = facts.constants;
  const { udatas } = words.widePointers ? WIDE : NARROW;
  const changes = subject.list();
  for (const i of [0, 1] as const) {
    changes.push({
      ident: INVALID_FDS[i],
      filter: EVFILT_READ,
      flags: EV_ADD,
      fflags: FFLAGS[i],
      data: DATA[i],
      udata: udatas[i],
    });
  }
  const events = subject.list();
  let count: number;
  try {
    count = withQueue(subject, (kq) => calls.kevent(kq, changes, events, 0));
  } catch (error) {
    return failedFinding('errors', `kevent failed: ${errorMessage(error)}`);
  }
  const memory = memoryOf(events, 'examine', 'events', 'a list');
  // libkqueue 2.7 writes the entries and returns 0, although its layout is
  // right.
  const isMiscounted = count === 0 && memory.u32.some((word) => word !== 0);
  if (count !== 2 && !isMiscounted) {
    return failedFinding(
      'errors',
      `two changes that must fail came back as ${count} entries`,
    );
  }
  memory.length = 2;
  const wrong = ([0, 1] as const).flatMap((i) => [
    describeDifference(
      i,
      'ident',
      events.identBigInt(i),
      patternOf(INVALID_FDS[i], words.widePointers),
    ),
    events.filter(i) === EVFILT_READ
      ? undefined
      : `filter of entry ${i} is ${events.filter(i)} and should be ${EVFILT_READ}`,
    (events.flags(i) & EV_ERROR) !== 0
      ? undefined
      : `flags of entry ${i} are ${hex(BigInt(events.flags(i)))}, without EV_ERROR`,
    describeDifference(
      i,
      'fflags',
      BigInt(events.fflags(i)),
      BigInt(FFLAGS[i]),
    ),
    events.dataBigInt(i) === BigInt(facts.errno.EBADF)
      ? undefined
      : `data of entry ${i} is ${events.dataBigInt(i)} and should be ${facts.errno.EBADF}, EBADF`,
    describeDifference(i, 'udata', events.udataBigInt(i), udatas[i]),
  ]);
  const found = [...wrong, describeOverrun(events, 2)].find((what) => what);
  if (found !== undefined) return failedFinding('errors', found);
  return {
    name: 'errors',
    ok: true,
    says: `A change of an invalid descriptor returned EV_ERROR and ${errnoName(facts, facts.errno.EBADF)}; all fields of entries 0 and 1 are in the right place.${isMiscounted ? ' But kevent returned 0 for the 2 entries that it wrote.' : ''}`,
  };
}

/** Trigger two events: user events, or timers on a kernel without them. */
function triggerEvents(
  { facts, calls }: Subject,
  kq: number,
  { idents, udatas }: Sentinels,
): { readonly filter: number; readonly isUser: boolean } {
  const { EV_ADD, EV_CLEAR, EV_ONESHOT, EVFILT_TIMER } = facts.constants;
  const { EVFILT_USER, NOTE_TRIGGER, NOTE_FFCOPY } = facts.constants;
  const each = (fields: (i: 0 | 1) => Omit<KeventInit, 'ident'>): void => {
    for (const i of [0, 1] as const) {
      const change = { ident: idents[i], udata: udatas[i], ...fields(i) };
      calls.kevent(kq, [change], null, 0);
    }
  };
  const user: number | undefined = EVFILT_USER;
  try {
    if (user !== undefined) {
      each(() => ({ filter: user, flags: EV_ADD | EV_CLEAR }));
      each((i) => ({
        filter: user,
        fflags: NOTE_TRIGGER | NOTE_FFCOPY | FFLAGS[i],
        data: DATA[i],
      }));
      return { filter: user, isUser: true };
    }
  } catch (error) {
    // An older release may lack user events; another kernel is not the one of
    // the table.
    const { code } = error as { code?: string };
    const { constants } = factsOfRelease(facts, '0');
    if (code !== 'EINVAL' || constants.EVFILT_USER !== undefined) throw error;
  }
  const flags = EV_ADD | EV_ONESHOT;
  each(() => ({ filter: EVFILT_TIMER, flags, data: 1 }));
  return { filter: EVFILT_TIMER, isUser: false };
}

/** This blocks. Nothing else may collect from the queue. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Collect two events of the kernel itself with one call. Each field has to be
 * in our place, and the second entry directly after the first.
 */
export function examineEvents(subject: Subject): Finding {
  const { facts, words, calls } = subject;
  const sentinels = words.widePointers ? WIDE : NARROW;
  const events = subject.list();
  try {
    return withQueue(subject, (kq) => {
      const { filter, isUser } = triggerEvents(subject, kq, sentinels);
      if (!isUser) pause(50);
      const count = calls.kevent(kq, null, events, 1000);
      if (count !== 2) {
        return failedFinding('events', `two events came as ${count} entries`);
      }
      return checkEntries(
        facts,
        words.layout.size,
        events,
        sentinels,
        filter,
        isUser,
      );
    });
  } catch (error) {
    return failedFinding('events', `kevent failed: ${errorMessage(error)}`);
  }
}

function checkEntries(
  facts: KernelFacts,
  size: number,
  events: KeventList,
  { idents, udatas }: Sentinels,
  filter: number,
  isUser: boolean,
): Finding {
  // They may come in either order.
  const first = events.identBigInt(0) === idents[1] ? 1 : 0;
  const wrong = ([0, 1] as const).flatMap((entry) => {
    const i = entry === 0 ? first : 1 - first;
    const data = events.dataBigInt(entry);
    // Not every kernel returns the data of a user event.
    const fits = isUser
      ? data === BigInt(DATA[i]) || data === 0n
      : data > 0n && data < 10_000n;
    return [
      describeDifference(entry, 'ident', events.identBigInt(entry), idents[i]),
      events.filter(entry) === filter
        ? undefined
        : `filter of entry ${entry} is ${events.filter(entry)} and should be ${filter}`,
      isUser
        ? describeDifference(
            entry,
            'fflags',
            BigInt(events.fflags(entry) & facts.constants.NOTE_FFLAGSMASK),
            BigInt(FFLAGS[i]),
          )
        : undefined,
      fits ? undefined : `data of entry ${entry} is ${data}`,
      describeDifference(entry, 'udata', events.udataBigInt(entry), udatas[i]),
    ];
  });
  const found = [...wrong, describeOverrun(events, 2)].find((what) => what);
  if (found !== undefined) return failedFinding('events', found);
  return {
    name: 'events',
    ok: true,
    says: `Two ${isUser ? 'user events' : 'timers'} with unusual numbers were returned unchanged, one every ${size} bytes.`,
  };
}
