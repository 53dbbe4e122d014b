import type { ExitStatus } from './exit-status.js';
import type { ProcNote, VnodeNote } from './notes.js';
import type { SignalName } from './signal.js';

/** An event as the kernel reported it. */
export interface RawEvent {
  readonly ident: number | bigint;
  readonly filter: number;
  readonly flags: number;
  readonly fflags: number;
  readonly data: number | bigint;
  /** An internal token of the queue; `udata` if another caller registered it. */
  readonly udata: number | bigint;
}

interface Common<T> {
  /** The `udata` of the registration. */
  readonly udata: T;
  /** The event as the kernel reported it. */
  readonly raw: RawEvent;
}

interface SocketEnd {
  /** End of file: the other side closed, or is half-closed (`EV_EOF`). */
  readonly eof: boolean;
  /** With `eof`, the name of the socket's error, if it has one. */
  readonly error: string | undefined;
}

/** A descriptor is readable. */
export interface ReadEvent<T = unknown> extends Common<T>, SocketEnd {
  readonly filter: 'read';
  readonly fd: number;
  /**
   * The number of bytes to read; for a listening socket, of connections to accept.
   * For a file it is the size minus the position, which may be negative.
   */
  readonly available: number;
}

/** A descriptor has space to write. */
export interface WriteEvent<T = unknown> extends Common<T>, SocketEnd {
  readonly filter: 'write';
  readonly fd: number;
  /** The number of bytes that can be written. */
  readonly space: number;
}

/** A socket has an exceptional condition. */
export interface ExceptEvent<T = unknown> extends Common<T>, SocketEnd {
  readonly filter: 'except';
  readonly fd: number;
  /** The number of bytes that can be read before or after the out-of-band mark. */
  readonly available: number;
  /** Whether there is out-of-band data. Ordinary data may cause an event too. */
  readonly outOfBand: boolean;
}

/** An open file or directory changed. */
export interface VnodeEvent<T = unknown> extends Common<T> {
  readonly filter: 'vnode';
  readonly fd: number;
  /** The changes, also those that were not requested. Unknown bits are in `raw`. */
  readonly notes: readonly VnodeNote[];
}

/** A process exited, forked, or changed in another way. */
export interface ProcEvent<T = unknown> extends Common<T> {
  readonly filter: 'proc';
  readonly pid: number;
  /** The changes of the process. Unknown bits are in `raw`. */
  readonly notes: readonly ProcNote[];
  /** The exit status, if the process exited and the kernel reports it. */
  readonly exit: ExitStatus | undefined;
}

/** A signal was sent to this process. */
export interface SignalEvent<T = unknown> extends Common<T> {
  readonly filter: 'signal';
  /** The name of the signal, or its number if it has no name. */
  readonly signal: SignalName | number;
  /** The number of times it was sent since the last such event: at least 1. */
  readonly count: number;
}

/** A timer fired. */
export interface TimerEvent<T = unknown> extends Common<T> {
  readonly filter: 'timer';
  readonly id: number | bigint;
  /** The number of times it fired since the last such event: at least 1. */
  readonly count: number;
  /** @deprecated Use `count`. 1.0 drops this name. */
  readonly expirations: number;
}

/** The program triggered a `user` registration. */
export interface UserEvent<T = unknown> extends Common<T> {
  readonly filter: 'user';
  readonly id: number | bigint;
  /** The 24 bits that the last trigger set. */
  readonly fflags: number;
}

/**
 * An event of a filter that has no type of its own.
 *
 * With `EV_ERROR` in `raw.flags` it belongs to a registration of any filter that
 * failed after the kernel had accepted it. `raw.data` is the errno.
 */
export interface OtherEvent<T = unknown> extends Common<T> {
  readonly filter: 'raw';
}

/**
 * An event, narrowed by its `filter`.
 *
 * @example
 * ```ts
 * import type { KqueueEvent } from 'kqueue-ffi';
 *
 * function describe(event: KqueueEvent): string {
 *   switch (event.filter) {
 *     case 'read':
 *       return `${event.available} bytes on ${event.fd}`;
 *     case 'proc':
 *       return `${event.pid} exited with ${event.exit?.code}`;
 *     case 'timer':
 *       return `timer ${event.id} fired ${event.count} times`;
 *     default:
 *       return event.filter;
 *   }
 * }
 * ```
 */
export type KqueueEvent<T = unknown> =
  | ReadEvent<T>
  | WriteEvent<T>
  | ExceptEvent<T>
  | VnodeEvent<T>
  | ProcEvent<T>
  | SignalEvent<T>
  | TimerEvent<T>
  | UserEvent<T>
  | OtherEvent<T>;
