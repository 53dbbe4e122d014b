// Another thread of the process: it shares the descriptors, not the queue's
// tables, and acts while this one sleeps in a call.
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

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

// Plain JavaScript: a worker is given no TypeScript loader.
const SOURCE = `
const { parentPort, workerData } = require('node:worker_threads');
const { koffiPath, library, acts, names, state, delay, pid } = workerData;
const koffi = require(koffiPath);
const libc = koffi.load(library);
const memory = new ArrayBuffer(65536);
const at = Number(koffi.address(memory));
const call = (name, result, parameters) => libc.func(name, result, parameters);
const pipe = call('pipe', 'int', ['uintptr_t']);
const dup = call('dup', 'int', ['int']);
const dup2 = call('dup2', 'int', ['int', 'int']);
const close = call('close', 'int', ['int']);
const write = call('write', 'intptr_t', ['int', 'uintptr_t', 'size_t']);
const lseek = call('lseek', 'int64_t', ['int', 'int64_t', 'int']);
const kill = call('kill', 'int', ['int', 'int']);
const perform = {
  close: (act) => close(names[act.fd]),
  write: (act) => write(names[act.fd], at, act.bytes),
  seek: (act) => lseek(names[act.fd], act.offset, 0),
  kill: (act) => kill(pid, act.signal),
  pipe: (act) => {
    const result = pipe(at);
    const ends = new Int32Array(memory, 0, 2);
    let [r, w] = ends;
    const wanted = names[act.reuses];
    if (w === wanted) w = dup(w);
    if (wanted !== undefined && r !== wanted) {
      dup2(r, wanted);
      close(r);
      r = wanted;
    }
    names[act.as[0]] = r;
    names[act.as[1]] = w;
    return result;
  },
};
const flag = new Int32Array(state);
parentPort.postMessage('ready');
Atomics.wait(flag, 0, 0, 10000);
Atomics.wait(flag, 1, 0, delay);
const results = acts.map((act) => Number(perform[act.op](act)));
parentPort.postMessage({ results, names });
`;

/**
 * Run `body`, which blocks this thread, and have another thread do `acts`
 * some 40 ms after it began.
 */
export async function meanwhile<Result>(
  names: Readonly<Record<string, number>>,
  acts: readonly Act[],
  body: () => Result,
): Promise<{ result: Result; report: Report }> {
  const { testPath } = expect.getState();
  if (testPath === undefined) throw new Error('outside of a test');
  const state = new SharedArrayBuffer(8);
  const worker = new Worker(SOURCE, {
    eval: true,
    workerData: {
      koffiPath: createRequire(testPath).resolve('koffi'),
      library:
        process.platform === 'darwin' ? '/usr/lib/libSystem.B.dylib' : null,
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
