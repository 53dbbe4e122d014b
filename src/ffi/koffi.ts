import { createRequire } from 'node:module';

type Koffi = typeof import('koffi')['default'];

let loaded: Koffi | undefined;

/**
 * koffi, loaded at the first use and not at import: its native part is one
 * file for every platform, and this library must be importable on all.
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
    // A bundle in ESM has no `require`: look beside the program.
    return createRequire(process.argv[1])('koffi') as Koffi;
  }
}
