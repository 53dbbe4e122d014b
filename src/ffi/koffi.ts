type Koffi = typeof import('koffi')['default'];

let loaded: Koffi | undefined;

/**
 * koffi, loaded at the first use and not at import: its native part is one
 * file for every platform, and this library must be importable on all.
 */
export function koffi(): Koffi {
  loaded ??= require('koffi') as Koffi;
  return loaded;
}
