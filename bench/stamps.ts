/** Write so many time stamps to standard output, one every 1.3 ms. */
import { writeSync } from 'node:fs';

const count = Number(process.argv[2]);
const stamp = Buffer.alloc(8);
const cell = new Int32Array(new SharedArrayBuffer(4));
const sleep = (ms: number): void => {
  Atomics.wait(cell, 0, 0, ms);
};

/** Until the reader has started. */
const START_MS = 3_000;
/** Some more, lest the last one waits. */
const SPARE = 20;

sleep(START_MS);
for (let i = 0; i < count + SPARE; i++) {
  sleep(1.3);
  stamp.writeBigInt64LE(process.hrtime.bigint());
  try {
    writeSync(1, stamp);
  } catch {
    // The reader has seen enough.
    break;
  }
}
