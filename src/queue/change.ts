import type { KeventInit } from '../memory/index.js';
import type { FdLike } from './descriptor.js';
import type { Duration, TimePoint } from './duration.js';
import type { ProcNote, VnodeNote } from './notes.js';
import type { SignalName } from './signal.js';

/** Options of every registration. */
export interface RegistrationOptions {
  /**
   * Report a change of state once, not for as long as it lasts (`EV_CLEAR`).
   *
   * @default true for `user` and `vnode`, which otherwise repeat for ever;
   * always true for `timer`, `signal` and `proc`; else false
   */
  readonly clear?: boolean | undefined;
  /** Report once, then forget the registration (`EV_ONESHOT`). */
  readonly oneshot?: boolean | undefined;
  /** Report once, then stay disabled until enabled (`EV_DISPATCH`). */
  readonly dispatch?: boolean | undefined;
  /** Register, but report nothing until enabled (`EV_DISABLE`). */
  readonly disabled?: boolean | undefined;
}

/**
 * The value that comes back with each event, held by the queue until the
 * registration ends. It may be left out where `T` allows `undefined`.
 */
export type Udata<T> = undefined extends T
  ? { readonly udata?: T }
  : { readonly udata: T };

/** Bytes to read, or connections to accept. */
export interface ReadKey {
  readonly filter: 'read';
  readonly fd: FdLike;
}

/** Space to write. */
export interface WriteKey {
  readonly filter: 'write';
  readonly fd: FdLike;
}

/** Something exceptional: out-of-band data of a socket. */
export interface ExceptKey {
  readonly filter: 'except';
  readonly fd: FdLike;
}

/** A change of an open file or directory. */
export interface VnodeKey {
  readonly filter: 'vnode';
  readonly fd: FdLike;
}

/** A process; it does not have to be a child. */
export interface ProcKey {
  readonly filter: 'proc';
  readonly pid: number;
}

/**
 * A signal sent to this process.
 *
 * **On macOS and the BSDs a registration only counts: the signal still has its
 * default action, so SIGTERM or SIGHUP ends the process.** On Linux it catches the
 * signal as well. Add `catch: true`, or use {@link signals}: both are the same on
 * all systems.
 */
export interface SignalKey {
  readonly filter: 'signal';
  /** A name, or a number of this system's. */
  readonly signal: SignalName | number;
}

/** A timer. */
export interface TimerKey {
  readonly filter: 'timer';
  /** A number of your own; it has nothing to do with descriptors. */
  readonly id: number | bigint;
}

/** An event that only the program itself triggers. */
export interface UserKey {
  readonly filter: 'user';
  /** A number of your own; it has nothing to do with descriptors. */
  readonly id: number | bigint;
}

/** Any other registration, by its numbers. */
export interface RawKey {
  readonly filter: 'raw';
  readonly kevent: Pick<KeventInit, 'ident' | 'filter'>;
}

/** Names a registration: a queue has at most one per key. */
export type Key =
  | ReadKey
  | WriteKey
  | ExceptKey
  | VnodeKey
  | ProcKey
  | SignalKey
  | TimerKey
  | UserKey
  | RawKey;

interface LowWater {
  /** The number of bytes from which on to report (`NOTE_LOWAT`). */
  readonly lowWater?: number | undefined;
}

interface Catch {
  /**
   * Keep the signal from its default action, such as the end of the process, for
   * as long as it is registered, with an empty listener of `process.on`. Node
   * catches signals in the main thread only.
   *
   * @default false: only what the kernel does by itself, which on Linux is to
   * catch it
   */
  readonly catch?: boolean | undefined;
}

/**
 * When a timer fires: exactly one of the three.
 *
 * A kernel whose timers have no units (NetBSD before 10, OpenBSD before 7.4,
 * DragonFly) counts milliseconds: durations are rounded up, and `at` is refused
 * with `ERR_KQUEUE_UNSUPPORTED`.
 */
export type TimerWhen =
  | {
      /** Again and again, with this period. */
      readonly every: Duration;
      readonly after?: never;
      readonly at?: never;
    }
  | {
      /** Once, when this long has passed. */
      readonly after: Duration;
      readonly every?: never;
      readonly at?: never;
    }
  | {
      /** Once, at this time. */
      readonly at: TimePoint;
      readonly every?: never;
      readonly after?: never;
    };

/** A key and its parameters. */
export type Request =
  | (ReadKey & LowWater)
  | (WriteKey & LowWater)
  | ExceptKey
  | (VnodeKey & { readonly notes: VnodeNote | readonly VnodeNote[] })
  | (ProcKey & { readonly notes: ProcNote | readonly ProcNote[] })
  | (SignalKey & Catch)
  | (TimerKey & TimerWhen)
  | UserKey
  | {
      readonly filter: 'raw';
      /** `EV_ADD` and `udata` are the queue's business. */
      readonly kevent: Omit<KeventInit, 'udata'>;
    };

/**
 * A registration to add. Adding an existing key replaces its registration.
 *
 * @example
 * ```ts
 * import type { Change } from 'kqueue-ffi';
 *
 * const changes: Change<string>[] = [
 *   { filter: 'read', fd: 0, udata: 'stdin' },
 *   { filter: 'timer', id: 1, every: { ms: 250 }, udata: 'tick' },
 *   { filter: 'proc', pid: process.ppid, notes: 'exit', udata: 'parent' },
 * ];
 * ```
 */
export type Change<T = unknown> = Request & RegistrationOptions & Udata<T>;

/** New parameters of a registration; without `udata` it keeps its value. */
export type Modification<T = unknown> = Request & { readonly udata?: T };

/** One step of {@link Kqueue.apply}. */
export type Step<T = unknown> =
  | (Change<T> & { readonly op?: 'add' })
  | (Modification<T> & { readonly op: 'modify' })
  | Toggle
  | Deletion
  | Trigger;

/** Enable or disable a registration. */
export type Toggle = Key & { readonly op: 'enable' | 'disable' };

/** End a registration. */
export type Deletion = Key & { readonly op: 'delete' };

/** Trigger a `user` registration. */
export interface Trigger {
  readonly op: 'trigger';
  readonly id: number | bigint;
  /** The `fflags` of the event: 24 bits. If omitted, they stay as they are. */
  readonly fflags?: number | undefined;
}

/** The operation of a step. */
export type Op = NonNullable<Step['op']>;
