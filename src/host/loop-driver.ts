/**
 * How a queue waits asynchronously: `'poll'`, by a handle of the runtime's event
 * loop, or `'interval'`, by polling every 1 to 8 ms where no such handle is safe.
 */
export type LoopDriver = 'poll' | 'interval';
