/**
 * A change of a file: the name of a `NOTE_…` constant without the prefix, in lower
 * case. Not every kernel has every note: see {@link capabilities}.
 */
export type VnodeNote =
  /** It was unlinked. */
  | 'delete'
  /** It was written; in a directory, an entry was added or removed. */
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
  /** No particular change (Darwin). */
  | 'none'
  /** The holder of a lease has to downgrade it (macOS 13 and later). */
  | 'lease_downgrade'
  /** The holder of a lease has to release it (macOS 13 and later). */
  | 'lease_release'
  /** It was truncated (OpenBSD). */
  | 'truncate'
  /** It was opened (FreeBSD, NetBSD). */
  | 'open'
  /** A descriptor that was not open for writing was closed (FreeBSD, NetBSD). */
  | 'close'
  /** A descriptor that was open for writing was closed (FreeBSD, NetBSD). */
  | 'close_write'
  /** It was read (FreeBSD, NetBSD). */
  | 'read';

/** A change of a process, named like {@link VnodeNote}. */
export type ProcNote =
  /**
   * It exited. `exit` of the event has its exit status, if the kernel reports it:
   * Darwin only to the parent and to processes that may send it signals.
   */
  | 'exit'
  /**
   * It exited. Together with `'exit'`, Darwin refuses the registration with EACCES
   * if it does not report the exit status.
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
  /** Its parent reaped it (Darwin). */
  | 'reap'
  /** Also watch its children (FreeBSD, NetBSD, OpenBSD, DragonFly). */
  | 'track'
  /** A child could not be tracked. */
  | 'trackerr'
  /** The process is a tracked child. */
  | 'child';
