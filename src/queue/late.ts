type Ffi = typeof import('../ffi/index.js');

let loaded: Ffi | undefined;

/** The room that imports koffi: loaded at the first call, not at import. */
export function ffi(): Ffi {
  loaded ??= require('../ffi/index.js') as Ffi;
  return loaded;
}
