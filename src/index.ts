export * from './constants.js';
export { KqueueError, type Syscall } from './errors.js';
export { type KernelChoice, kernel } from './host.js';
export type { Kevent, KeventInit } from './kevent.js';
export { KeventList } from './kevent-list.js';
export { close, kevent, kqueue } from './syscalls.js';
export { type Timeout, Timespec } from './timespec.js';
