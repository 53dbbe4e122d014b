/**
 * Wait for a process that is not a child of this one to exit, which Node has
 * no call for.
 *
 * With a pid it waits for that; without one a shell starts a process, and is
 * gone before it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Kqueue, KqueueError } from 'kqueue-ffi';

/** Wait for a process to exit: false if it was gone already. */
async function exited(pid: number, signal?: AbortSignal): Promise<boolean> {
  const kq = new Kqueue();
  try {
    kq.add({ filter: 'proc', pid, notes: 'exit' });
    await kq.next({ signal });
    return true;
  } catch (error) {
    if (error instanceof KqueueError && error.code === 'ESRCH') return false;
    throw error;
  } finally {
    kq.close();
  }
}

/** Start a process through a shell that does not wait for it: its pid. */
async function startStranger(): Promise<number> {
  const shell = spawn('sh', ['-c', 'sleep 0.2 >/dev/null & echo $!'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = await once(shell.stdout, 'data');
  await once(shell, 'exit');
  return Number(String(text));
}

const [, , given] = process.argv;
const pid = given === undefined ? await startStranger() : Number(given);
const start = performance.now();
const signal = AbortSignal.timeout(60_000);
const waited = await exited(pid, signal);
const ms = Math.round(performance.now() - start);
console.log(
  waited ? `process exited after ${ms} ms` : 'there is no such process',
);
console.log(`again: ${(await exited(pid)) ? 'exited' : 'no such process'}`);
