/**
 * The words of a waker's handle: memory that the thread of its queue and those
 * that wake it share, so that the one can tell the others that it is closed.
 *
 * @module
 */

/** How many words there are. */
export const WAKE_WORDS = 8;

/** Marks the memory as a waker's. */
export const WAKE_MAGIC = 0x6b715741;

/** Where what stands. */
export const WAKE = {
  MAGIC: 0,
  /** {@link BY_EVENTFD} or {@link BY_KEVENT}. */
  WAY: 1,
  /** The descriptor of the eventfd, or of the queue; -1 once it is closed. */
  FD: 2,
  /** The kernel's number of the eventfd, which is not used again; or 0. */
  EVENTFD_ID: 3,
  /** How many threads are waking by {@link BY_KEVENT} just now. */
  USERS: 4,
  IDENT_LOW: 5,
  IDENT_HIGH: 6,
} as const;

/** Woken by a write to an eventfd. */
export const BY_EVENTFD = 1;

/** Woken by kevent(2) with NOTE_TRIGGER. */
export const BY_KEVENT = 2;
