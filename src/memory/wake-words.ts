/**
 * The words of a waker's handle. The thread of its queue and the threads that wake
 * it share this memory, so that the others see when it is closed.
 *
 * @module
 */

/** The number of words. */
export const WAKE_WORDS = 9;

/** Marks the memory as a waker's. */
export const WAKE_MAGIC = 0x6b715741;

/** The position of each word. */
export const WAKE = {
  MAGIC: 0,
  /** {@link BY_EVENTFD} or {@link BY_KEVENT}. */
  WAY: 1,
  /**
   * The descriptor of the eventfd, or of the queue; -1 once it is closed, and -2
   * while other code closed it and there is no other.
   */
  FD: 2,
  /**
   * The kernel's number of the eventfd, or 0. The next eventfd gets it once this
   * one is closed.
   */
  EVENTFD_ID: 3,
  /** The number of threads that are currently in {@link BY_KEVENT} wakes. */
  USERS: 4,
  IDENT_LOW: 5,
  IDENT_HIGH: 6,
  /** 1 if the eventfd was written since its event. */
  PENDING: 7,
  /** How the eventfd is marked, which no eventfd of other code is. */
  MARK: 8,
} as const;

/** Woken by a write to an eventfd. */
export const BY_EVENTFD = 1;

/** Woken by kevent(2) with NOTE_TRIGGER. */
export const BY_KEVENT = 2;
