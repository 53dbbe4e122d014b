/** The room that knows koffi: loaded at the first call, and not at import. */
export const ffi = (): typeof import('../ffi/index.js') =>
  require('../ffi/index.js') as typeof import('../ffi/index.js');
