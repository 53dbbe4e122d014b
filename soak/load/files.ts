import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kqueue } from 'kqueue-ffi';
import { bounded, type Load, perSecond, timed } from './load.js';

const ROUNDS = 10;

/** Files that are written again and again. Each write is reported. */
export const files: Load = {
  name: 'file changes',
  full: 10_000,
  small: 500,
  async run(count) {
    const folder = mkdtempSync(join(tmpdir(), 'kqueue-load-'));
    using kq = new Kqueue<number>();
    const fds = Array.from({ length: count / ROUNDS }, (_, i) => {
      const fd = openSync(join(folder, `${i}`), 'w');
      kq.add({ filter: 'vnode', fd, notes: 'write', udata: i });
      return fd;
    });
    let seen = 0;
    let round = 0;
    const counts = new Uint8Array(fds.length);
    let arrived = (): void => {};
    kq.on((events) => {
      for (const { udata } of events) {
        // Each is written once per round.
        if (counts[udata] === round) {
          counts[udata]++;
          seen++;
        }
      }
      arrived();
    });
    const measured = await timed(async () => {
      for (; round < ROUNDS; round++) {
        const all = new Promise<void>((resolve) => {
          arrived = () => {
            if (seen === (round + 1) * fds.length) resolve();
          };
        });
        for (const fd of fds) writeSync(fd, 'x');
        await bounded(all);
      }
    });
    for (const fd of fds) {
      kq.delete({ filter: 'vnode', fd });
      closeSync(fd);
    }
    rmSync(folder, { recursive: true });
    return {
      count: fds.length * ROUNDS,
      seen,
      ...measured,
      notes: [
        `${perSecond(count, measured.seconds)} changes per second, made and counts`,
      ],
    };
  },
};
