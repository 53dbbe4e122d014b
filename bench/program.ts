/** The C program of bench/native, as something that takes part in rounds. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Way } from './measure.js';

interface Program {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly waiting: ((line: string) => void)[];
}

const started = new Map<string, Program>();

function start(path: string, library: string | undefined): Program {
  const key = `${path} ${library}`;
  const known = started.get(key);
  if (known !== undefined) return known;
  const child = spawn(path, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: library === undefined ? {} : { KQUEUE_FFI_LIBRARY: library },
  });
  const program: Program = { child, waiting: [] };
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => program.waiting.shift()?.(line));
  child.on('exit', (code) => {
    if (code !== 0) throw new Error(`the C program ended with ${code}`);
  });
  started.set(key, program);
  return program;
}

/** What the program can do, as a way. */
export function inC(
  path: string,
  name: string,
  argument: number,
  units = 1,
  library?: string,
): Way {
  const { child, waiting } = start(path, library);
  return {
    name: 'C',
    units,
    time: (n) =>
      new Promise((resolve) => {
        waiting.push((line) => resolve(Number(line)));
        child.stdin.write(`${name} ${argument} ${n}\n`);
      }),
  };
}

/** End the programs that were started. */
export function stopAll(): void {
  for (const { child } of started.values()) child.stdin.end();
  started.clear();
}
