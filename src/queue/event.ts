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
  /** The queue's own token; of a registration not made through it, its udata. */
  readonly udata: number | bigint;
}

interface Common<T> {
  /** The value of the registration. */
  readonly udata: T;
  /** The event as the kernel reported it. */
  readonly raw: RawEvent;
}

interface SocketEnd {
  /** End of file: the other side closed, or half-closed (`EV_EOF`). */
  readonly eof: boolean;
  /** With `eof`, the name of the socket's error, if it has one. */
  readonly error: string | undefined;
}

/** There is something to read. */
export interface ReadEvent<T = unknown> extends Common<T>, SocketEnd {
  readonly filter: 'read';
  readonly fd: number;
  /**
   * Bytes; for a listening socket, connections; for a file, how far its end is
   * from the position, which may be negative.
   */
  readonly available: number;
}

/** There is space to write. */
export interface WriteEvent<T = unknown> extends Common<T>, SocketEnd {
  readonly filter: 'write';
  readonly fd: number;
  /** Bytes. */
  readonly space: number;
}

/** Something exceptional happened to a socket. */
export interface ExceptEvent<T = unknown> extends Common<T>, SocketEnd {
  readonly filter: 'except';
  readonly fd: number;
  /** Bytes that can be read before, or beyond, the mark. */
  readonly available: number;
  /** There is out-of-band data; ordinary data may cause an event too. */
  readonly outOfBand: boolean;
}

/** An open file or directory changed. */
export interface VnodeEvent<T = unknown> extends Common<T> {
  readonly filter: 'vnode';
  readonly fd: number;
  /** All notes, requested or not; unknown bits are in `raw`. */
  readonly notes: readonly VnodeNote[];
}

/** A process did something. */
export interface ProcEvent<T = unknown> extends Common<T> {
  readonly filter: 'proc';
  readonly pid: number;
  /** The process's actions; unknown bits are in `raw`. */
  readonly notes: readonly ProcNote[];
  /** How it exited, if it did and the kernel reports it. */
  readonly exit: ExitStatus | undefined;
}

/** This process was sent a signal. */
export interface SignalEvent<T = unknown> extends Common<T> {
  readonly filter: 'signal';
  /** Its name, or its number if it has none. */
  readonly signal: SignalName | number;
  /** How often it was sent since the last such event: at least 1. */
  readonly count: number;
}

/** A timer fired. */
export interface TimerEvent<T = unknown> extends Common<T> {
  readonly filter: 'timer';
  readonly id: number | bigint;
  /** How often it fired since the last such event: at least 1. */
  readonly count: number;
  /** @deprecated Use `count`. 1.0 drops this name. */
  readonly expirations: number;
}

/** The program triggered it. */
export interface UserEvent<T = unknown> extends Common<T> {
  readonly filter: 'user';
  readonly id: number | bigint;
  /** The low 24 bits: what the last trigger left there. */
  readonly fflags: number;
}

/**
 * An event of a filter that has no type of its own. With `EV_ERROR` in
 * `raw.flags`, of any filter: the registration failed after it was accepted, and
 * `raw.data` is the errno.
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
