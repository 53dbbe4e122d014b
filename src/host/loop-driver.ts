/**
 * How a queue is watched while somebody waits: by a handle of the runtime's
 * own event loop, or by looking at intervals where that cannot be had.
 */
export type LoopDriver = 'poll' | 'interval';
