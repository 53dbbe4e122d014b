// The implementations of the helpers, in a separate file of the package that is
// loaded at the first call.
export { exited } from './exited.js';
export { interval } from './interval.js';
export { readable, writable } from './readiness.js';
export { signals } from './signals.js';
export { watchDirectory } from './watch-directory.js';
export { watchFile } from './watch-file.js';
