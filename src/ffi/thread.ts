import { readlinkSync } from 'node:fs';

type Threads = typeof import('node:worker_threads');

let loaded: Threads | undefined;

/**
 * `node:worker_threads`, loaded at the first use: loading it takes as long as
 * loading this whole package.
 */
export function threads(): Threads {
  loaded ??= require('node:worker_threads') as Threads;
  return loaded;
}

let isMain: boolean | undefined;

/**
 * Whether this is the main thread. On Linux proc_thread-self(5) names the first
 * thread of a process after the process.
 */
export function isMainThread(): boolean {
  isMain ??= isFirst() ?? threads().isMainThread;
  return isMain;
}

function isFirst(): boolean | undefined {
  try {
    const [pid, , thread] = readlinkSync('/proc/thread-self').split('/');
    return pid === thread;
  } catch {
    return undefined;
  }
}
