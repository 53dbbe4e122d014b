type Koffi = typeof import('koffi')['default'];

/**
 * koffi, loaded at the first use and not at import: its native part is one
 * file for every platform, and this library must be importable on all.
 */
export const koffi = (): Koffi => require('koffi') as Koffi;
