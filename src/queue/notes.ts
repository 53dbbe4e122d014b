/**
 * A change of a file: the names of `NOTE_…` without the prefix, in lower case. Not
 * every kernel has every one: ask `capabilities`.
 */
export type VnodeNote =
  /** It was unlinked. */
  | 'delete'
  /** It was written to; for a directory, an entry came or went. */
  | 'write'
  /** It grew. */
  | 'extend'
  /** Its attributes changed. */
  | 'attrib'
  /** Its link count changed. */
  | 'link'
  /** It was renamed. */
  | 'rename'
  /** Access to it was revoked, or its file system unmounted. */
  | 'revoke'
  /** A lock on it was released (Darwin). */
  | 'funlock'
  /** Darwin. */
  | 'none'
  /** Darwin, from macOS 13. */
  | 'lease_downgrade'
  /** Darwin, from macOS 13. */
  | 'lease_release'
  /** It was truncated (OpenBSD). */
  | 'truncate'
  /** It was opened (FreeBSD, NetBSD). */
  | 'open'
  /** It was closed, not having been written to (FreeBSD, NetBSD). */
  | 'close'
  /** It was closed after writing (FreeBSD, NetBSD). */
  | 'close_write'
  /** It was read (FreeBSD, NetBSD). */
  | 'read';

/** An action of a process, named like {@link VnodeNote}. */
export type ProcNote =
  /** It exited. */
  | 'exit'
  /**
   * It exited, and the event's `exit` says how. Kernels other than Darwin report
   * that with every `exit`. Darwin reports it to parents and to processes that
   * may send it signals.
   */
  | 'exitstatus'
  /** It exited, with the reason in `raw.data` (Darwin). */
  | 'exit_detail'
  /** It called fork. */
  | 'fork'
  /** It called exec. */
  | 'exec'
  /** It was sent a signal (Darwin). */
  | 'signal'
  /** Its parent has waited for it (Darwin). */
  | 'reap'
  /** Its children too (FreeBSD, NetBSD, OpenBSD, DragonFly). */
  | 'track'
  /** A child could not be tracked. */
  | 'trackerr'
  /** This is a tracked child. */
  | 'child';
