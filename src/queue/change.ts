import type { KeventInit } from '../memory/index.js';
import type { FdLike } from './descriptor.js';
import type { Duration, TimePoint } from './duration.js';
import type { ProcNote, VnodeNote } from './notes.js';
import type { SignalName } from './signal.js';

/** Options of every registration. */
export interface RegistrationOptions {
  /**
   * Edge-triggered: report a change of state once (`EV_CLEAR`). If false, the event
   * is level-triggered: it repeats while the state lasts.
   *
   * @default true for `user` and `vnode`, whose events would otherwise never end;
   * always true for `timer`, `signal` and `proc`; otherwise false
   */
  readonly clear?: boolean | undefined;
  /** Report one event, then end the registration (`EV_ONESHOT`). */
  readonly oneshot?: boolean | undefined;
  /** Report one event, then disable the registration (`EV_DISPATCH`). */
  readonly dispatch?: boolean | undefined;
  /** Add the registration disabled: no events until it is enabled (`EV_DISABLE`). */
  readonly disabled?: boolean | undefined;
}

/**
 * The value that each event of the registration carries. The queue holds it until
 * the registration ends. It is optional if `T` includes `undefined`.
 */
export type Udata<T> = undefined extends T
  ? { readonly udata?: T }
  : { readonly udata: T };

/** Watch a descriptor for bytes to read, or connections to accept. */
export interface ReadKey {
  readonly filter: 'read';
  readonly fd: FdLike;
}

/** Watch a descriptor for space to write. */
export interface WriteKey {
  readonly filter: 'write';
  readonly fd: FdLike;
}

/** Watch a socket for exceptional conditions, such as out-of-band data. */
export interface ExceptKey {
  readonly filter: 'except';
  readonly fd: FdLike;
}

/** Watch an open file or directory for changes. */
export interface VnodeKey {
  readonly filter: 'vnode';
  readonly fd: FdLike;
}

/** Watch a process. It does not have to be a child. */
export interface ProcKey {
  readonly filter: 'proc';
  readonly pid: number;
}

/**
 * Watch for a signal that is sent to this process.
 *
 * **On macOS and the BSDs a registration only counts signals. The default action
 * still happens, so SIGTERM or SIGHUP ends the process.** On Linux it catches the
 * signal as well. `catch: true` and {@link signals} behave the same on all systems.
 */
export interface SignalKey {
  readonly filter: 'signal';
  /** The name of the signal, or its number on this system. */
  readonly signal: SignalName | number;
}

/** A timer of the kernel. */
export interface TimerKey {
  readonly filter: 'timer';
  /** A number of your choice. It is not a descriptor. */
  readonly id: number | bigint;
}

/** An event that the program itself triggers: {@link Kqueue.trigger}. */
export interface UserKey {
  readonly filter: 'user';
  /** A number of your choice. It is not a descriptor. */
  readonly id: number | bigint;
}

/** A registration of any other filter, by number. */
export interface RawKey {
  readonly filter: 'raw';
  readonly kevent: Pick<KeventInit, 'ident' | 'filter'>;
}

/** Identifies a registration. A queue has at most one registration per key. */
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
  /** The least number of bytes to report an event for (`NOTE_LOWAT`). */
  readonly lowWater?: number | undefined;
}

interface Catch {
  /**
   * Suspend the default action of the signal, such as the end of the process,
   * while it is registered. The queue adds an empty `process.on` listener for this,
   * which Node.js supports on the main thread only.
   *
   * @default false, which leaves the default action to the kernel; the Linux kernel
   * of this package always suspends it
   */
  readonly catch?: boolean | undefined;
}

/**
 * When a timer fires: exactly one of `every`, `after` and `at`.
 *
 * NetBSD before 10, OpenBSD before 7.4 and DragonFly count whole milliseconds.
 * There durations are rounded up, and `at` fails with `ERR_KQUEUE_UNSUPPORTED`.
 */
export type TimerWhen =
  | {
      /** Fire repeatedly, with this period: more than 0. */
      readonly every: Duration;
      readonly after?: never;
      readonly at?: never;
    }
  | {
      /** Fire once, after this duration. 0 fires at once. */
      readonly after: Duration;
      readonly every?: never;
      readonly at?: never;
    }
  | {
      /** Fire once, at this time. */
      readonly at: TimePoint;
      readonly every?: never;
      readonly after?: never;
    };

/** A key and the parameters of its filter. */
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
      /** The fields of the record. The queue adds `EV_ADD` and `udata`. */
      readonly kevent: Omit<KeventInit, 'udata'>;
    };

/**
 * A registration to add. It replaces an existing registration with the same key.
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

/** New parameters of a registration. Without `udata` it keeps its value. */
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

/** Delete a registration. */
export type Deletion = Key & { readonly op: 'delete' };

/** Trigger a `user` registration. */
export interface Trigger {
  readonly op: 'trigger';
  readonly id: number | bigint;
  /** The `fflags` of the event: 24 bits. If omitted, they do not change. */
  readonly fflags?: number | undefined;
}

/** The operation of a step. */
export type Op = NonNullable<Step['op']>;
