// Another thread of the process: it shares the descriptors, not the queue's
// tables, and acts while this one sleeps in a call.
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { root } from '../support/built-package.js';

/** A step in the words of the traces, over named descriptors. */
export interface Act {
  readonly op: string;
  readonly fd?: string | undefined;
  readonly as?: string | string[] | undefined;
  readonly bytes?: number | undefined;
  readonly offset?: number | undefined;
  readonly signal?: number | string | undefined;
  readonly reuses?: string | undefined;
}

/** What each act answered, and the names as they are afterwards. */
export interface Report {
  readonly results: readonly number[];
  readonly names: Readonly<Record<string, number>>;
}

const DELAY_MS = 40;

const LIBRARY =
  process.platform === 'darwin' ? '/usr/lib/libSystem.B.dylib' : null;

// Plain JavaScript: a worker is given no TypeScript loader.
const PROGRAM = join(root, '__tests__/fixtures/conformance/outsider.cjs');

/**
 * Run `body`, which blocks this thread. Another thread does `acts` once this
 * one is blocked: Linux reports that, elsewhere 40 ms have to be enough.
 */
export async function meanwhile<Result>(
  names: Readonly<Record<string, number>>,
  acts: readonly Act[],
  body: () => Result,
): Promise<{ result: Result; report: Report }> {
  const state = new SharedArrayBuffer(8);
  const worker = new Worker(PROGRAM, {
    workerData: {
      library: LIBRARY,
      acts,
      names,
      state,
      delay: DELAY_MS,
      pid: process.pid,
    },
  });
  const messages: unknown[] = [];
  const failed = new Promise<never>((_, reject) => {
    worker.once('error', reject);
  });
  failed.catch(() => {});
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => resolve());
  });
  const ready = new Promise<void>((resolve) => {
    worker.on('message', (message: unknown) => {
      messages.push(message);
      resolve();
    });
  });
  await Promise.race([ready, failed]);
  const flag = new Int32Array(state);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
  let result: Result;
  try {
    result = body();
  } finally {
    await Promise.race([exited, failed]);
  }
  return { result, report: messages[1] as Report };
}
