import { createRequire } from 'node:module';

type Threads = typeof import('node:worker_threads');

let loaded: Threads | undefined;

/**
 * `node:worker_threads`, loaded at the first use and not at import: that takes
 * as long as to load all of this library.
 */
export function threads(): Threads {
  loaded ??= createRequire(import.meta.url)('node:worker_threads') as Threads;
  return loaded;
}
