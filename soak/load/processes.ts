import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kqueue } from 'kqueue-ffi';
import { bounded, type Load, timed } from './load.js';

/** Children that wait for EOF of one FIFO, and exit together. */
export const children: Load = {
  name: 'children exiting together',
  full: 1000,
  small: 60,
  async run(count) {
    const folder = mkdtempSync(join(tmpdir(), 'kqueue-load-'));
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
    const reader = openSync(fifo, O_RDONLY | O_NONBLOCK);
    const writer = openSync(fifo, O_WRONLY);
    // The children inherit it, so it must block.
    const input = openSync(fifo, O_RDONLY);
    using kq = new Kqueue<number>();
    const exits: Promise<unknown>[] = [];
    for (let i = 0; i < count; i++) {
      const code = i % 256;
      const child = spawn('/bin/sh', ['-c', `read x; exit ${code}`], {
        stdio: [input, 'ignore', 'ignore'],
      });
      exits.push(once(child, 'exit'));
      const { pid = 0 } = child;
      const notes = ['exit', 'exitstatus'] as const;
      kq.add({ filter: 'proc', pid, notes, udata: code });
    }
    let seen = 0;
    let events = 0;
    const measured = await timed(async () => {
      const all = new Promise<void>((resolve) => {
        kq.on((batch) => {
          for (const event of batch) {
            if (event.filter !== 'proc') continue;
            events++;
            // Older kernels do not report the status of reaped children.
            if ((event.exit?.code ?? event.udata) === event.udata) seen++;
          }
          if (events === count) resolve();
        });
      });
      closeSync(writer);
      await bounded(all);
    });
    await Promise.all(exits);
    closeSync(reader);
    closeSync(input);
    rmSync(folder, { recursive: true });
    return { count, seen, ...measured, notes: [] };
  },
};
