/**
 * Wait for many processes at once, whoever has started them, and say how each
 * ended.
 *
 * With pids it waits for those; without any a shell starts some.
 */
import { spawn } from 'node:child_process';
import { exited } from 'kqueue-ffi';

/** Start processes through a shell, whose children they are: their pids. */
async function startSome(): Promise<number[]> {
  const scripts = ['exit 0', 'exit 3', 'kill -TERM $$'];
  const start = scripts.map(
    (script) => `sh -c 'sleep 0.3; ${script}' & echo $!`,
  );
  const shell = spawn('sh', ['-c', `{ ${start.join('; ')}; } 2>&1; wait`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const pids: number[] = [];
  for await (const text of shell.stdout) {
    pids.push(...String(text).trim().split('\n').map(Number));
    if (pids.length >= scripts.length) break;
  }
  return pids;
}

const given = process.argv.slice(2).map(Number);
const pids = given.length > 0 ? given : await startSome();
await Promise.all(
  pids.map(async (pid, index) => {
    const { code, signal } = await exited(pid, { timeout: 60_000 });
    console.log(`process ${index}: ${signal ?? code ?? 'ended, somehow'}`);
  }),
);
