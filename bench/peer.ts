/**
 * This package over another library, in a child process that runs a round per
 * line of input, as the C program does.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { kqueueTasks } from './kqueue-tasks.js';
import type { Way } from './measure.js';

async function serve(): Promise<void> {
  const runs = new Map<string, (n: number) => void>();
  for await (const line of createInterface(process.stdin)) {
    const [id, n] = line.split(' ');
    const run = runs.get(id) ?? kqueueTasks[id].setUp();
    runs.set(id, run);
    const start = performance.now();
    run(Number(n));
    process.stdout.write(`${(performance.now() - start) * 1e6}\n`);
  }
}

export interface Peer {
  way(id: string, units: number): Way;
  stop(): void;
}

export function startPeer(library: string): Peer {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), 'serve'];
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      ...process.env,
      KQUEUE_FFI_LIBRARY: library,
      KQUEUE_FFI_ABI: 'libkqueue',
    },
  });
  const waiting: ((line: string) => void)[] = [];
  createInterface(child.stdout).on('line', (line) => waiting.shift()?.(line));
  child.on('exit', (code) => {
    if (code !== 0) throw new Error(`the peer ended with ${code}`);
  });
  return {
    way: (id, units) => ({
      name: 'libkqueue',
      units,
      time: (n) =>
        new Promise((resolve) => {
          waiting.push((line) => resolve(Number(line)));
          child.stdin.write(`${id} ${n}\n`);
        }),
    }),
    stop: () => child.stdin.end(),
  };
}

if (process.argv[2] === 'serve') await serve();
