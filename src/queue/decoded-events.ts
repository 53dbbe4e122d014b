// One class per type of event. Objects of a class can have a `toJSON` at no
// cost, and V8 creates them as fast as literals.
import { definePlain } from '../memory/index.js';
import type {
  ExceptEvent,
  OtherEvent,
  ProcEvent,
  RawEvent,
  ReadEvent,
  SignalEvent,
  TimerEvent,
  UserEvent,
  VnodeEvent,
  WriteEvent,
} from './event.js';
import type { ExitStatus } from './exit-status.js';
import type { ProcNote, VnodeNote } from './notes.js';
import type { SignalName } from './signal.js';

export class DecodedRaw implements RawEvent {
  declare readonly ident: number | bigint;
  declare readonly filter: number;
  declare readonly flags: number;
  declare readonly fflags: number;
  declare readonly data: number | bigint;
  declare readonly udata: number | bigint;

  constructor(
    ident: number | bigint,
    filter: number,
    flags: number,
    fflags: number,
    data: number | bigint,
    udata: number | bigint,
  ) {
    this.ident = ident;
    this.filter = filter;
    this.flags = flags;
    this.fflags = fflags;
    this.data = data;
    this.udata = udata;
  }
}

export class DecodedRead implements ReadEvent {
  declare readonly filter: 'read';
  declare readonly fd: number;
  declare readonly available: number;
  declare readonly eof: boolean;
  declare readonly error: string | undefined;
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(
    error: string | undefined,
    eof: boolean,
    udata: unknown,
    raw: RawEvent,
  ) {
    this.filter = 'read';
    this.fd = Number(raw.ident);
    this.available = Number(raw.data);
    this.eof = eof;
    this.error = error;
    this.udata = udata;
    this.raw = raw;
  }
}

export class DecodedWrite implements WriteEvent {
  declare readonly filter: 'write';
  declare readonly fd: number;
  declare readonly space: number;
  declare readonly eof: boolean;
  declare readonly error: string | undefined;
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(
    error: string | undefined,
    eof: boolean,
    udata: unknown,
    raw: RawEvent,
  ) {
    this.filter = 'write';
    this.fd = Number(raw.ident);
    this.space = Number(raw.data);
    this.eof = eof;
    this.error = error;
    this.udata = udata;
    this.raw = raw;
  }
}

export class DecodedExcept implements ExceptEvent {
  declare readonly filter: 'except';
  declare readonly fd: number;
  declare readonly available: number;
  declare readonly outOfBand: boolean;
  declare readonly eof: boolean;
  declare readonly error: string | undefined;
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(
    outOfBand: boolean,
    error: string | undefined,
    eof: boolean,
    udata: unknown,
    raw: RawEvent,
  ) {
    this.filter = 'except';
    this.fd = Number(raw.ident);
    this.available = Number(raw.data);
    this.outOfBand = outOfBand;
    this.eof = eof;
    this.error = error;
    this.udata = udata;
    this.raw = raw;
  }
}

export class DecodedVnode implements VnodeEvent {
  declare readonly filter: 'vnode';
  declare readonly fd: number;
  declare readonly notes: readonly VnodeNote[];
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(notes: readonly VnodeNote[], udata: unknown, raw: RawEvent) {
    this.filter = 'vnode';
    this.fd = Number(raw.ident);
    this.notes = notes;
    this.udata = udata;
    this.raw = raw;
  }
}

export class DecodedProc implements ProcEvent {
  declare readonly filter: 'proc';
  declare readonly pid: number;
  declare readonly notes: readonly ProcNote[];
  declare readonly exit: ExitStatus | undefined;
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(
    notes: readonly ProcNote[],
    exit: ExitStatus | undefined,
    udata: unknown,
    raw: RawEvent,
  ) {
    this.filter = 'proc';
    this.pid = Number(raw.ident);
    this.notes = notes;
    this.exit = exit;
    this.udata = udata;
    this.raw = raw;
  }
}

export class DecodedSignal implements SignalEvent {
  declare readonly filter: 'signal';
  declare readonly signal: SignalName | number;
  declare readonly count: number;
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(signal: SignalName | number, udata: unknown, raw: RawEvent) {
    this.filter = 'signal';
    this.signal = signal;
    this.count = Number(raw.data);
    this.udata = udata;
    this.raw = raw;
  }
}

export class DecodedTimer implements TimerEvent {
  declare readonly filter: 'timer';
  declare readonly id: number | bigint;
  declare readonly count: number;
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(count: number, udata: unknown, raw: RawEvent) {
    this.filter = 'timer';
    this.id = raw.ident;
    this.count = count;
    this.udata = udata;
    this.raw = raw;
  }

  // A getter takes no memory per event, and console.log and JSON do not show
  // it.
  get expirations(): number {
    return this.count;
  }
}

export class DecodedUser implements UserEvent {
  declare readonly filter: 'user';
  declare readonly id: number | bigint;
  declare readonly fflags: number;
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(fflags: number, udata: unknown, raw: RawEvent) {
    this.filter = 'user';
    this.id = raw.ident;
    this.fflags = fflags;
    this.udata = udata;
    this.raw = raw;
  }
}

export class DecodedOther implements OtherEvent {
  declare readonly filter: 'raw';
  declare readonly udata: unknown;
  declare readonly raw: RawEvent;

  constructor(udata: unknown, raw: RawEvent) {
    this.filter = 'raw';
    this.udata = udata;
    this.raw = raw;
  }
}

for (const type of [
  DecodedRaw,
  DecodedRead,
  DecodedWrite,
  DecodedExcept,
  DecodedVnode,
  DecodedProc,
  DecodedSignal,
  DecodedTimer,
  DecodedUser,
  DecodedOther,
]) {
  definePlain(type);
}
