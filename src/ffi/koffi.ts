import { createRequire } from 'node:module';

type Koffi = typeof import('koffi')['default'];

let loaded: Koffi | undefined;

/**
 * koffi, loaded at the first use and not at import. Its native part may be
 * missing on a platform, and this package must be importable on all.
 */
export function koffi(): Koffi {
  loaded ??= load();
  return loaded;
}

function load(): Koffi {
  try {
    return require('koffi') as Koffi;
  } catch (error) {
    if (typeof __filename === 'string') throw error;
    // An ESM bundle has no `require`: look next to the program.
    return createRequire(process.argv[1])('koffi') as Koffi;
  }
}
