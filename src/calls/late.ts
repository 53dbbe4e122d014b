// Loaded at the first call, and not at import.

/** The room that imports koffi. */
export const ffi = (): typeof import('../ffi/index.js') =>
  require('../ffi/index.js') as typeof import('../ffi/index.js');

/** The kqueue over epoll: only on Linux. */
export const linux = (): typeof import('../linux/index.js') =>
  require('../linux/index.js') as typeof import('../linux/index.js');
