// The second door of the room: what a queue is made of, and what the helpers use
// of it. It is loaded with the first queue, so that an import does not wait for it.
export { onAbort } from './abort-signal.js';
export { checkAdoptable } from './adoption.js';
export { setAlarm } from './alarm.js';
export { readFd } from './descriptor.js';
export { descriptorChecks } from './descriptor-checks.js';
export { parseNanoseconds, timerDuration } from './duration.js';
export { encoderOf } from './encoder.js';
export { exitStatus } from './exit-status.js';
export { hasHungUp, isNamedFifo } from './fifo.js';
export { inspectQueue } from './inspect-queue.js';
export {
  checkOptions,
  checkSignal,
  checkTimeout,
  MAX_TIMEOUT,
} from './options.js';
export { currentDriver, isPollable } from './pollable.js';
export { QueueChanges } from './queue-changes.js';
export { QueueEvents } from './queue-events.js';
export { QueueHandle } from './queue-handle.js';
export { Registry } from './registry.js';
export { signalNamer } from './signal.js';
