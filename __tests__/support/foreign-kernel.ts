// A kernel of another system as the library meets it through FFI: its struct,
// constants, errnos and some quirks, with the built-in kernel behind them. The
// events are real; their encoding is that of the other system.
import { type KernelName, kernels } from '../../src/abi/kernels.js';
import type { Constants, KernelFacts } from '../../src/abi/shape.js';
import { listFor, memoryOf } from '../../src/calls/kevent-list.js';
import { createLinuxKernel } from '../../src/linux/kernel.js';
import type { Kernel } from '../../src/memory/kernel.js';
import type { Kevent, KeventInit } from '../../src/memory/kevent.js';
import { allocateTimespec } from '../../src/memory/timespec.js';
import { Double, type Fields, fieldAt, type KeventCall } from './doubles.js';

/** Missing features of an older release. */
export interface Habits {
  /** Timers count milliseconds and ignore unit bits. */
  readonly isUnitless?: boolean;
  /** Bits of fflags without a meaning for a timer are EINVAL. */
  readonly isStrict?: boolean;
  /** A timer that is added again keeps its time. */
  readonly keepsTimers?: boolean;
  /** EV_RECEIPT and EV_DISPATCH are ignored. */
  readonly isWithoutReceipts?: boolean;
  /** It has no user events. */
  readonly isWithoutUser?: boolean;
}

type Record64 = Readonly<Record<'ident' | 'data' | 'udata', bigint>> &
  Readonly<Record<'filter' | 'flags' | 'fflags', number>>;

const darwin: KernelFacts = kernels.darwin;
const COMMON_FLAGS = 0xff;
const OLD_FLAGS = 0x3f;
// The same number with every kernel.
const { EV_DELETE, EV_ERROR, EV_RECEIPT } = darwin.constants;

const nameOf = (table: Constants | undefined, value: number) =>
  Object.entries(table ?? {}).find(([, number]) => number === value)?.[0];

/** The same bits by their names in another table. */
function bitsIn(
  from: Constants = {},
  to: Constants = {},
  bits: number,
): number {
  let found = 0;
  for (const [name, bit] of Object.entries(from)) {
    const isSingle = bit !== 0 && (bit & (bit - 1)) === 0;
    if (isSingle && (bits & bit) !== 0) found |= to[name] ?? 0;
  }
  return found >>> 0;
}

export interface ForeignKernel extends Disposable {
  readonly kernel: Kernel;
}

/** Put a kernel of that name in front of the built-in one. */
export function foreignKernel(
  name: KernelName,
  habits: Habits = {},
): ForeignKernel {
  const real = createLinuxKernel();
  const timeout = allocateTimespec();
  const facts: KernelFacts = kernels[name];
  const { timerUnits: units, constants: known } = facts;
  const timers = new Set<string>();
  const isDarwin = name === 'darwin' && Object.keys(habits).length === 0;

  const errnoOf = (number: number): number =>
    facts.errno[nameOf(darwin.errno, number) ?? ''] ?? number;

  /** The timer's time in nanoseconds, or undefined for EINVAL. */
  const timeOf = (
    bits: number,
    data: bigint,
  ): [bigint, boolean] | undefined => {
    if (habits.isUnitless) return [data * 1_000_000n, false];
    const absolute = known[units.absolute ?? ''] ?? 0;
    const isAbsolute = absolute !== 0 && (bits & absolute) !== 0;
    const each = new Map<number, bigint>([[0, 1_000_000n]]);
    const add = (unit: string | undefined, ns: bigint): void => {
      if (unit !== undefined) each.set(known[unit], ns);
    };
    add(units.seconds, 1_000_000_000n);
    add(units.milliseconds, 1_000_000n);
    add(units.microseconds, 1000n);
    add(units.nanoseconds, 1n);
    const unit = each.get(bits & ~absolute);
    if (unit !== undefined) return [data * unit, isAbsolute];
    return habits.isStrict ? undefined : [data * 1_000_000n, isAbsolute];
  };

  const toDarwin = (change: Record64): KeventInit | undefined => {
    const filter = nameOf(facts.groups.filter, change.filter);
    if (filter === 'EVFILT_USER' && habits.isWithoutUser) return undefined;
    const number = darwin.constants[filter ?? ''];
    if (filter === undefined || number === undefined) return undefined;
    const mask = habits.isWithoutReceipts ? OLD_FLAGS : COMMON_FLAGS;
    const flags = change.flags & mask;
    const group = `fflag:${filter.slice('EVFILT_'.length)}` as const;
    let { fflags } = change;
    let { data } = change;
    const isConverted = name !== 'darwin' && (flags & EV_DELETE) === 0;
    if (filter === 'EVFILT_TIMER') {
      if (!isConverted) return { ...change, filter: number, flags };
      const time = timeOf(fflags, data);
      if (time === undefined) return undefined;
      const { NOTE_NSECONDS, NOTE_ABSOLUTE } = darwin.constants;
      fflags = NOTE_NSECONDS | (time[1] ? NOTE_ABSOLUTE : 0);
      [data] = time;
    } else if (filter !== 'EVFILT_USER') {
      fflags = bitsIn(facts.groups[group], darwin.groups[group], fflags);
    }
    if (filter === 'EVFILT_PROC' && known.NOTE_EXITSTATUS === undefined) {
      // The status comes with NOTE_EXIT by itself.
      const { NOTE_EXIT, NOTE_EXITSTATUS } = darwin.constants;
      if ((fflags & NOTE_EXIT) !== 0) fflags |= NOTE_EXITSTATUS;
    }
    const { ident, udata } = change;
    return { ident, filter: number, flags, fflags: fflags >>> 0, data, udata };
  };

  const fromDarwin = (event: Kevent): Fields => {
    const filter = nameOf(darwin.groups.filter, event.filter) ?? '';
    const group = `fflag:${filter.slice('EVFILT_'.length)}` as const;
    const isError = (event.flags & EV_ERROR) !== 0;
    const fflags =
      isError || filter === 'EVFILT_USER'
        ? event.fflags
        : bitsIn(darwin.groups[group], facts.groups[group], event.fflags);
    const data = isError ? errnoOf(Number(event.data)) : event.data;
    return {
      ident: BigInt(event.ident),
      filter: BigInt(known[filter] ?? event.filter),
      flags: BigInt(isError ? EV_ERROR : event.flags & ~0xf),
      fflags: BigInt(fflags),
      data: BigInt(data),
      udata: event.udata,
    };
  };

  const exactly = (event: Kevent): Fields => ({
    ident: BigInt(event.ident),
    filter: BigInt(event.filter),
    flags: BigInt(event.flags),
    fflags: BigInt(event.fflags),
    data: BigInt(event.data),
    udata: event.udata,
  });

  const read = (bytes: Uint8Array, name: string): bigint =>
    fieldAt(double.struct, bytes, name);
  const recordOf = (bytes: Uint8Array): Record64 => ({
    ident: read(bytes, 'ident'),
    filter: Number(read(bytes, 'filter')),
    flags: Number(read(bytes, 'flags')),
    fflags: Number(read(bytes, 'fflags')),
    data: read(bytes, 'data'),
    udata: read(bytes, 'udata'),
  });

  /** One change as the kernel makes it: its errno, or 0. */
  const apply = (kq: number, change: Record64): number => {
    const key = `${kq} ${change.ident}`;
    const isTimer = change.filter === known.EVFILT_TIMER;
    const isDelete = (change.flags & EV_DELETE) !== 0;
    const isKept = isTimer && habits.keepsTimers && timers.has(key);
    if (isKept && !isDelete) return 0;
    const made = toDarwin(change);
    if (made === undefined) return facts.errno.EINVAL;
    const list = listFor(real.words, 1);
    list.push({ ...made, flags: (made.flags ?? 0) & ~EV_RECEIPT });
    const memory = memoryOf(list, 'apply', 'list', 'a list');
    const failed = real.kevent(kq, memory, 1, null, 0, null) < 0;
    if (failed) return errnoOf(real.errno());
    if (isTimer && isDelete) timers.delete(key);
    else if (isTimer) timers.add(key);
    return 0;
  };

  /** The call as it is: the built-in kernel behaves as Darwin's. */
  const asDarwin = (call: KeventCall): number => {
    const changes = listFor(real.words, Math.max(call.nchanges, 1));
    for (let i = 0; i < call.nchanges; i++) {
      changes.push(recordOf(double.change(call, i)));
    }
    const list = listFor(real.words, Math.max(call.nevents, 1));
    const events = memoryOf(list, 'collect', 'list', 'a list');
    const words = new Int32Array(call.timespec.buffer);
    timeout.i32.set(words);
    const count = real.kevent(
      call.kq,
      memoryOf(changes, 'apply', 'list', 'a list'),
      call.nchanges,
      events,
      call.nevents,
      words.length > 0 ? timeout : null,
    );
    if (count < 0) return double.fail(real.errno());
    events.length = count;
    return call.answer(...[...list].map(exactly));
  };

  const kevent = (call: KeventCall): number => {
    if (real.kevent(call.kq, null, 0, null, 0, null) < 0) {
      return double.fail(errnoOf(real.errno()));
    }
    const entries: Fields[] = [];
    for (let i = 0; i < call.nchanges; i++) {
      const change = recordOf(double.change(call, i));
      const errno = apply(call.kq, change);
      const isReceipt =
        !habits.isWithoutReceipts && (change.flags & EV_RECEIPT) !== 0;
      if (errno === 0 && !isReceipt) continue;
      if (entries.length === call.nevents) {
        return errno === 0 ? 0 : double.fail(errno);
      }
      const { ident, udata } = change;
      const [filter, flags, data] = [change.filter, EV_ERROR, errno].map(
        BigInt,
      );
      const fflags = BigInt(change.fflags);
      entries.push({ ident, filter, flags, fflags, data, udata });
    }
    if (entries.length > 0) return call.answer(...entries);
    const list = listFor(real.words, Math.max(call.nevents, 1));
    const events = memoryOf(list, 'collect', 'list', 'a list');
    const words = new Int32Array(call.timespec.buffer);
    timeout.i32.set(words);
    const count = real.kevent(
      call.kq,
      null,
      0,
      call.nevents > 0 ? events : null,
      call.nevents,
      words.length > 0 ? timeout : null,
    );
    if (count < 0) return double.fail(errnoOf(real.errno()));
    events.length = count;
    const found = [...list];
    for (const { filter, ident, flags } of found) {
      const isTimer = filter === darwin.constants.EVFILT_TIMER;
      if (isTimer && (flags & 0x10) !== 0) timers.delete(`${call.kq} ${ident}`);
    }
    return call.answer(...found.map(fromDarwin));
  };

  const double: Double = new Double({
    kernel: name,
    behaviour: {
      kqueue: () => {
        const fd = real.kqueue();
        return fd < 0 ? double.fail(errnoOf(real.errno())) : fd;
      },
      kevent: isDarwin ? asDarwin : kevent,
      close: (fd) => {
        for (const key of timers) {
          if (key.startsWith(`${fd} `)) timers.delete(key);
        }
        return real.close(fd) < 0 ? double.fail(errnoOf(real.errno())) : 0;
      },
    },
  });
  return {
    kernel: double.bind(),
    [Symbol.dispose]: () => double[Symbol.dispose](),
  };
}
