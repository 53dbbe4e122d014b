import type { Watch } from './loop.js';

/** A queue that is watched, or was and may be watched again. */
export interface Member {
  readonly id: number;
  readonly fd: number;
  /** The number by which the epoll has it. */
  entered: boolean;
  /**
   * The epoll reports it while it is readable. It stays armed between waits,
   * until the epoll reports it while there is no wait. Most waits then need no
   * system call.
   */
  armed: boolean;
  /** Whether it rested since its last wake-up: there were events. */
  wasReady: boolean;
  /** Called when it may be readable; `undefined` if there is no wait. */
  listener: (() => void) | undefined;
  keepsAlive: boolean;
  /** Polls the queue at intervals while the epoll refuses it. */
  readonly fallback: Watch;
}
