import { errnoName, type KernelFacts } from '../abi/index.js';
import {
  fflagsAt,
  filterAt,
  flagsAt,
  type KeventMemory,
  signedAt,
  unsignedAt,
} from '../memory/index.js';
import {
  DecodedExcept,
  DecodedOther,
  DecodedProc,
  DecodedRaw,
  DecodedRead,
  DecodedSignal,
  DecodedTimer,
  DecodedUser,
  DecodedVnode,
  DecodedWrite,
} from './decoded-events.js';
import type { KqueueEvent } from './event.js';
import { exitStatus } from './exit-status.js';
import type { ProcNote, VnodeNote } from './notes.js';
import { signalNamer } from './signal.js';

/** Turns records of a kernel into typed events. */
export interface Decoder {
  /**
   * Decode the entry that begins at a word, with the value of its registration.
   *
   * @param token Its own udata, as {@link unsignedAt} reads it.
   * @param optional Bits of its `fflags` that the program did not request.
   */
  event(
    memory: KeventMemory,
    base: number,
    udata: unknown,
    token: number | bigint,
    optional?: number | undefined,
  ): KqueueEvent;
}

const FILTERS = [
  'read',
  'write',
  'except',
  'vnode',
  'proc',
  'signal',
  'timer',
  'user',
] as const;

const FFLAGS_MASK = 0x00ffffff;

/** Names of the single bits of a mask, cached per mask. */
function noteNamer<Name extends string>(
  table: Readonly<Record<string, number>> | undefined,
): (fflags: number) => readonly Name[] {
  const bits = Object.entries(table ?? {})
    .filter(([, bit]) => bit !== 0 && (bit & (bit - 1)) === 0)
    .map(([name, bit]) => ({
      bit,
      name: name.slice('NOTE_'.length).toLowerCase() as Name,
    }));
  const mask = bits.reduce((all, { bit }) => all | bit, 0);
  const known = new Map<number, readonly Name[]>();
  return (fflags) => {
    const masked = (fflags & mask) >>> 0;
    let names = known.get(masked);
    if (names === undefined) {
      names = Object.freeze(
        bits.filter(({ bit }) => (masked & bit) !== 0).map(({ name }) => name),
      );
      known.set(masked, names);
    }
    return names;
  };
}

/** Make the decoder of a kernel, on any host. */
export function decoderOf(facts: KernelFacts): Decoder {
  const { constants, groups } = facts;
  // Indexed by the absolute number: NetBSD's filters count up, all others down.
  const names: (KqueueEvent['filter'] | undefined)[] = [];
  for (const name of FILTERS) {
    const number: number | undefined =
      constants[`EVFILT_${name.toUpperCase()}`];
    if (number !== undefined) names[Math.abs(number)] = name;
  }
  const { EV_EOF, EV_ONESHOT, NOTE_EXIT, NOTE_OOB } = constants;
  const NOTE_EXITSTATUS: number = constants.NOTE_EXITSTATUS ?? NOTE_EXIT;
  const vnodeNotes = noteNamer<VnodeNote>(groups['fflag:VNODE']);
  // The other names of these bits are details of the status, not notes.
  const procNotes = noteNamer<ProcNote>(
    Object.fromEntries(
      Object.entries(groups['fflag:PROC'] ?? {}).filter(
        ([name]) => !/^NOTE_EXIT_|MASK$/.test(name) || name === DETAIL,
      ),
    ),
  );
  const signalName = signalNamer(facts.signals);
  const errorName = (errno: number): string | undefined =>
    errno === 0 ? undefined : (errnoName(facts, errno) ?? `E${errno}`);

  return {
    event(memory, base, udata, token, optional = 0) {
      const { words } = memory;
      const ident = unsignedAt(memory, base + words.ident);
      const number = filterAt(memory, base);
      const flags = flagsAt(memory, base);
      const fflags = fflagsAt(memory, base);
      const data = signedAt(memory, base + words.data);
      const raw = new DecodedRaw(ident, number, flags, fflags, data, token);
      const eof = (flags & EV_EOF) !== 0;
      switch (names[Math.abs(number)]) {
        case 'read':
          return new DecodedRead(
            eof ? errorName(fflags) : undefined,
            eof,
            udata,
            raw,
          );
        case 'write':
          return new DecodedWrite(
            eof ? errorName(fflags) : undefined,
            eof,
            udata,
            raw,
          );
        case 'except': {
          const outOfBand = !eof && (fflags & NOTE_OOB) !== 0;
          const error = eof ? errorName(fflags) : undefined;
          return new DecodedExcept(outOfBand, error, eof, udata, raw);
        }
        case 'vnode':
          return new DecodedVnode(vnodeNotes(fflags), udata, raw);
        case 'proc': {
          const exit =
            (fflags & NOTE_EXITSTATUS) === 0
              ? undefined
              : exitStatus(Number(data) & 0xffff, signalName);
          return new DecodedProc(
            procNotes(fflags & ~optional),
            exit,
            udata,
            raw,
          );
        }
        case 'signal':
          return new DecodedSignal(signalName(Number(ident)), udata, raw);
        case 'timer': {
          // The kernel also counts periods after a one-shot timer has fired.
          const count = (flags & EV_ONESHOT) === 0 ? Number(data) : 1;
          return new DecodedTimer(count, udata, raw);
        }
        case 'user':
          return new DecodedUser(fflags & FFLAGS_MASK, udata, raw);
        default:
          return new DecodedOther(udata, raw);
      }
    },
  };
}

const DETAIL = 'NOTE_EXIT_DETAIL';
