// The implementations of the helpers: a file of its own in the package, loaded
// when one of them is first called.
export { exited } from './exited.js';
export { interval } from './interval.js';
export { readable, writable } from './readiness.js';
export { signals } from './signals.js';
export { watchDirectory } from './watch-directory.js';
export { watchFile } from './watch-file.js';
