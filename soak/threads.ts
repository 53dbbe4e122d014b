import { once } from 'node:events';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { pause, type Scenario } from './scenario.js';

/** The ways in which a thread ends, with its exit code. */
const ENDS = {
  finish: 0,
  leave: 0,
  exit: 3,
  terminate: 1,
  blocked: 1,
} as const;

/** The number of threads. */
export const running = { threads: 0 };

interface Report {
  readonly seen: number;
  readonly expirations: number;
  readonly due: number;
}

/** Threads with their own queues start, and end in all ways. */
export const threads: Scenario = async ({ place, ledger, random }) => {
  const ends = Object.keys(ENDS) as (keyof typeof ENDS)[];
  const end = random.pick(ends);
  const fifo = place.takeFifo();
  const bytes = random.int(1, 20_000);
  const { O_NONBLOCK, O_RDWR } = constants;
  const fd = openSync(fifo, O_RDWR | O_NONBLOCK);
  running.threads++;
  const worker = new Worker(new URL('worker.mjs', import.meta.url), {
    workerData: {
      end,
      fifo,
      bytes,
      us: random.int(200, 5000),
      extra: random.int(0, 3),
      blocks: end === 'finish' && random.chance(0.5),
    },
    execArgv: [],
  });
  let report: Report | undefined;
  worker.on('error', (error) => ledger.violated(`a thread: ${error}`));
  const exited = once(worker, 'exit');
  worker.on('exit', () => running.threads--);
  await ledger.must(once(worker, 'message'), 'a thread that is ready');
  worker.on('message', (message: Report) => {
    report = message;
  });

  const fromOutside = end === 'terminate' || end === 'blocked';
  // With all bytes it would end without that.
  const sent = fromOutside ? random.int(0, bytes - 1) : bytes;
  for (let left = sent; left > 0; ) {
    const size = Math.min(left, random.int(1, 4000));
    left -= writeSync(fd, Buffer.alloc(size));
    await pause(random.int(0, 2));
  }
  if (fromOutside) {
    if (random.chance(0.7)) await pause(random.int(0, 30));
    await ledger.must(worker.terminate(), `terminating a thread (${end})`);
  }
  const [code] = await ledger.must(exited, `the end of a thread (${end})`);
  ledger.count(`threads: ${end}`);
  ledger.check(
    code === ENDS[end],
    () => `a thread (${end}) ended with ${code}`,
  );
  if (end === 'finish') {
    ledger.check(
      report?.seen === bytes && report.expirations <= report.due,
      () => `a thread saw ${JSON.stringify(report)} of ${bytes} bytes`,
    );
  }
  closeSync(fd);
  place.giveFifo(fifo);
};
