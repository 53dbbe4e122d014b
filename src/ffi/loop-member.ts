import type { Watch } from './loop.js';

/** A queue that is watched, or was and may be again. */
export interface Member {
  readonly id: number;
  readonly fd: number;
  /** It is in the epoll by this number. */
  entered: boolean;
  /**
   * The epoll reports it while it is readable. It stays so between waits, until
   * the epoll reports it and nobody waits: most waits then need no system call.
   */
  armed: boolean;
  /** It rested since it was woken last: there were events. */
  wasReady: boolean;
  /** Called when it may be readable; undefined while nobody waits. */
  listener: (() => void) | undefined;
  keepsAlive: boolean;
  /** Looks at the queue in intervals while the epoll does not take it. */
  readonly fallback: Watch;
}
