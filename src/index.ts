export * from './constants.js';
export { KqueueError, type Syscall } from './errors.js';
export { type KernelChoice, kernel } from './host.js';
export type { Kevent, KeventInit } from './kevent.js';
export { Kevent64List, KeventList } from './kevent-list.js';
export { close, kevent, kevent64, kqueue } from './syscalls.js';
export { type Timeout, Timespec } from './timespec.js';
