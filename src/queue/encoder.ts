import type { KernelFacts } from '../abi/index.js';
import { misuse, throwBadInteger } from '../errors.js';
import { unsupported } from '../host/index.js';
import { catchableName } from './caught-signals.js';
import type { Key, RegistrationOptions, Request, Trigger } from './change.js';
import { readFd } from './descriptor.js';
import { timerDeadline, timerDuration } from './duration.js';
import { signalNumber } from './signal.js';

/** The key by which a registration is found. */
export interface EncodedKey {
  readonly filter: number;
  readonly ident: number | bigint;
}

/** A change as numbers, without `EV_ADD` and udata. */
export interface Encoded extends EncodedKey {
  readonly flags: number;
  readonly fflags: number;
  readonly data: number | bigint;
  readonly ext?: readonly (number | bigint)[] | undefined;
  /**
   * Additional bits of `fflags`, which the kernel may refuse with EACCES. The
   * request is then sent again without them.
   */
  optional?: number | undefined;
}

/** Turns typed changes into the numbers of one kernel. */
export interface Encoder {
  key(key: Key): EncodedKey;
  change(change: Request & RegistrationOptions): Encoded;
  trigger(trigger: Omit<Trigger, 'op'>): Encoded;
}

const ACTION = 'change a queue';
const MAX_PID = 0x7fffffff;
const FFLAGS_MASK = 0x00ffffff;
const TWO_64 = 2n ** 64n;

const FILTERS = 'read, write, except, vnode, proc, signal, timer, user or raw';

/** Flags of a raw change that would bypass the queue's own use of udata. */
const UDATA_FLAGS = ['EV_UDATA_SPECIFIC', 'EV_KEEPUDATA', 'EV_VANISHED'];

/** An ident of the caller's choice: a number if it is a safe integer. */
function identOf(value: unknown, name: string): number | bigint {
  if (typeof value === 'bigint') {
    if (value >= -(TWO_64 / 2n) && value < TWO_64) {
      const bits = BigInt.asUintN(64, value);
      const number = Number(bits);
      return Number.isSafeInteger(number) ? number : bits;
    }
  } else if (Number.isSafeInteger(value) && (value as number) >= 0) {
    return value as number;
  }
  return throwBadInteger(
    ACTION,
    name,
    'an integer from 0 to 2**53-1, or a bigint of 64 bits',
    value,
  );
}

function objectOf(value: unknown, name: string): void {
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(misuse(ACTION, name, 'an object', value));
  }
}

function checkCatch(value: unknown, signal: number | bigint): void {
  if (value !== undefined && typeof value !== 'boolean') {
    throw new TypeError(misuse(ACTION, 'catch', 'a boolean', value));
  }
  if (value) catchableName(Number(signal), ACTION);
}

/** The constants that a timer without units ignores. */
const TIMER_BITS = /^NOTE_(SECONDS|USECONDS|NSECONDS|ABSOLUTE|ABSTIME)$/;

/** A kernel without timer units would take them for milliseconds, and say nothing. */
function checkTimerBits(
  facts: KernelFacts,
  filter: number,
  fflags: number,
): void {
  if (facts.timerUnits.encoding !== 'none') return;
  if (filter !== facts.constants.EVFILT_TIMER) return;
  for (const [name, bits] of Object.entries(
    facts.groups['fflag:TIMER'] ?? {},
  )) {
    if (TIMER_BITS.test(name) && (Number(fflags) & bits) !== 0) {
      throw unsupported(
        `the timers of this release of ${facts.name} count milliseconds, so there is no ${name}`,
      );
    }
  }
}

/**
 * Make the encoder of a kernel. It reads nothing from the host but the time, so
 * the encoder of every kernel can be tested on any host.
 */
export function encoderOf(facts: KernelFacts): Encoder {
  const { constants } = facts;

  const number = (name: string, what: string): number => {
    const value: number | undefined = constants[name];
    if (value === undefined) {
      throw unsupported(`${facts.name} has no ${name}, which ${what} needs`);
    }
    return value;
  };
  const filters = new Map<string, number>();
  const filter = (name: string): number => {
    let found = filters.get(name);
    if (found === undefined) {
      found = number(`EVFILT_${name.toUpperCase()}`, `'${name}' filter`);
      filters.set(name, found);
    }
    return found;
  };

  /** The bits of notes, by name. */
  const notesOf = (value: unknown, group: 'VNODE' | 'PROC'): number => {
    const names: readonly unknown[] = Array.isArray(value) ? value : [value];
    let bits = 0;
    for (const name of names) {
      bits |= note(name, group);
    }
    return bits >>> 0;
  };
  const note = (name: unknown, group: 'VNODE' | 'PROC'): number => {
    const table = facts.groups[`fflag:${group}`];
    if (typeof name === 'string') {
      const constant = `NOTE_${name.toUpperCase()}`;
      const known: number | undefined = table?.[constant];
      if (known !== undefined && constants[constant] !== undefined) {
        return known;
      }
      // Kernels without this note report the status with NOTE_EXIT.
      if (constant === 'NOTE_EXITSTATUS' && group === 'PROC') {
        return number('NOTE_EXIT', `'${name}' note`);
      }
      if (NOTES[group].includes(name)) {
        throw unsupported(`${facts.name} has no ${constant} for ${group}`);
      }
    }
    const expected = `one of ${NOTES[group].join(', ')}, or an array of them`;
    const message = misuse(ACTION, 'notes', expected, name);
    throw typeof name === 'string'
      ? new RangeError(message)
      : new TypeError(message);
  };

  const flagsOf = (
    options: RegistrationOptions,
    edge: boolean,
    name: string,
  ): number => {
    let flags = 0;
    if (options.clear ?? edge) flags |= constants.EV_CLEAR;
    if (options.oneshot) flags |= constants.EV_ONESHOT;
    if (options.disabled) flags |= constants.EV_DISABLE;
    if (options.dispatch) {
      flags |= number('EV_DISPATCH', "'dispatch'");
      if (facts.name === 'netbsd' && (name === 'timer' || name === 'signal')) {
        // The kernel forces EV_CLEAR on both, and it wins there.
        throw unsupported(`netbsd ignores EV_DISPATCH for '${name}'`);
      }
    }
    return flags;
  };

  const lowWater = (value: unknown): { fflags: number; data: number } => {
    if (value === undefined) return { fflags: 0, data: 0 };
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      throwBadInteger(ACTION, 'lowWater', 'an integer of 1 or more', value);
    }
    const fflags = number('NOTE_LOWAT', "'lowWater'");
    return { fflags, data: value as number };
  };

  const timer = (
    change: Extract<Request, { filter: 'timer' }>,
  ): { flags: number; fflags: number; data: number | bigint } => {
    const { every, after, at } = change;
    const times = [every, after, at].filter((when) => when !== undefined);
    if (times.length !== 1) {
      const expected = "given as exactly one of 'every', 'after' and 'at'";
      const received = times.length === 0 ? undefined : 'several';
      throw new TypeError(misuse(ACTION, 'timer', expected, received));
    }
    if (every !== undefined) {
      return { flags: 0, ...timerDuration(facts, every, 'every', ACTION) };
    }
    const argument =
      after !== undefined
        ? timerDuration(facts, after, 'after', ACTION)
        : timerDeadline(facts, at as NonNullable<typeof at>, ACTION);
    return { flags: constants.EV_ONESHOT, ...argument };
  };

  const raw = (
    change: Extract<Request, { filter: 'raw' }>,
    options: RegistrationOptions,
  ): Encoded => {
    objectOf(change.kevent, 'kevent');
    const { flags = 0, fflags = 0, data = 0, ext } = change.kevent;
    if (
      typeof flags !== 'number' ||
      ![flags | 0, flags >>> 0].includes(flags)
    ) {
      throwBadInteger(ACTION, 'flags', 'an integer of 32 bits', flags);
    }
    for (const name of UDATA_FLAGS) {
      const bit: number | undefined = constants[name];
      if (bit !== undefined && (flags & bit) !== 0) {
        throw unsupported(
          `the queue itself uses udata, so ${name} is not allowed`,
        );
      }
    }
    checkTimerBits(facts, change.kevent.filter, fflags);
    return {
      ...key(change),
      flags: flags | flagsOf(options, false, 'raw'),
      fflags,
      data,
      ext,
    };
  };

  const key = (named: Key): EncodedKey => {
    objectOf(named, 'change');
    if (Array.isArray(named)) {
      throw new TypeError(
        `Cannot ${ACTION} as 'change' must be an object: received an array; changes are arguments, so spread it: ...changes`,
      );
    }
    switch (named.filter) {
      case 'read':
      case 'write':
      case 'except':
      case 'vnode':
        return {
          filter: filter(named.filter),
          ident: readFd(named.fd, ACTION),
        };
      case 'proc': {
        const { pid } = named;
        if (!Number.isInteger(pid) || pid < 0 || pid > MAX_PID) {
          throwBadInteger(ACTION, 'pid', 'an integer from 0 to 2**31-1', pid);
        }
        return { filter: filter('proc'), ident: pid };
      }
      case 'signal':
        return {
          filter: filter('signal'),
          ident: signalNumber(facts.signals, named.signal, ACTION),
        };
      case 'timer':
      case 'user':
        return {
          filter: filter(named.filter),
          ident: identOf(named.id, 'id'),
        };
      case 'raw': {
        objectOf(named.kevent, 'kevent');
        return {
          filter: named.kevent.filter,
          ident: identOf(named.kevent.ident, 'ident'),
        };
      }
      default: {
        const { filter: unknown } = named as { filter?: unknown };
        throw new TypeError(misuse(ACTION, 'filter', FILTERS, unknown));
      }
    }
  };

  return {
    key,

    change(change) {
      const { filter: number, ident } = key(change);
      let flags: number;
      let fflags = 0;
      let data: number | bigint = 0;
      let optional: number | undefined;
      switch (change.filter) {
        case 'read':
        case 'write':
          flags = flagsOf(change, false, change.filter);
          ({ fflags, data } = lowWater(change.lowWater));
          break;
        case 'except':
          flags = flagsOf(change, false, change.filter);
          fflags = constants.NOTE_OOB;
          break;
        case 'vnode':
          flags = flagsOf(change, true, change.filter);
          fflags = notesOf(change.notes, 'VNODE');
          break;
        case 'proc':
          flags = flagsOf(change, false, change.filter);
          fflags = notesOf(change.notes, 'PROC');
          // Darwin reports the status only on request, and not for every
          // process.
          if ((fflags & constants.NOTE_EXIT) !== 0) {
            optional = (constants.NOTE_EXITSTATUS ?? 0) & ~fflags;
          }
          break;
        case 'signal':
          flags = flagsOf(change, false, change.filter);
          checkCatch(change.catch, ident);
          break;
        case 'timer':
          ({ flags, fflags, data } = timer(change));
          flags |= flagsOf(change, false, change.filter);
          break;
        case 'user':
          flags = flagsOf(change, true, change.filter);
          break;
        case 'raw':
          return raw(change, change);
      }
      return { filter: number, ident, flags, fflags, data, optional };
    },

    trigger({ id, fflags }) {
      let bits = number('NOTE_TRIGGER', "'user' filter");
      if (fflags !== undefined) {
        if (!Number.isInteger(fflags) || fflags < 0 || fflags > FFLAGS_MASK) {
          throwBadInteger(
            ACTION,
            'fflags',
            'an integer from 0 to 2**24-1',
            fflags,
          );
        }
        bits |= constants.NOTE_FFCOPY | fflags;
      }
      return {
        filter: filter('user'),
        ident: identOf(id, 'id'),
        flags: 0,
        fflags: bits >>> 0,
        data: 0,
      };
    },
  };
}

/**
 * The names of all notes of all kernels, to distinguish a typo from a note that
 * this kernel lacks.
 */
const NOTES: Readonly<Record<'VNODE' | 'PROC', readonly string[]>> = {
  VNODE: [
    'delete',
    'write',
    'extend',
    'attrib',
    'link',
    'rename',
    'revoke',
    'funlock',
    'none',
    'lease_downgrade',
    'lease_release',
    'truncate',
    'open',
    'close',
    'close_write',
    'read',
  ],
  PROC: [
    'exit',
    'exitstatus',
    'exit_detail',
    'fork',
    'exec',
    'signal',
    'reap',
    'track',
    'trackerr',
    'child',
  ],
};
