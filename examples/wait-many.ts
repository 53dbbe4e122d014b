/**
 * Wait for many processes at once, children or not, and print how each ended.
 * With pids it waits for those; without any a shell starts some.
 */
import { spawn } from 'node:child_process';
import { exited } from 'kqueue-ffi';

/**
 * Start processes through a shell, whose children they are: their pids. They
 * wait until all of them are watched, and end when `end` is called.
 */
async function startSome(): Promise<{ pids: number[]; end(): void }> {
  const scripts = ['exit 0', 'exit 3', 'kill -TERM $$'];
  // Standard input of a process in the background is /dev/null, but not this.
  const start = scripts.map(
    (script) => `sh -c 'read go <&3; ${script}' & echo $!`,
  );
  const shell = spawn(
    'sh',
    ['-c', `{ ${start.join('; ')}; } 2>&1; exec 3<&-; wait`],
    { stdio: ['ignore', 'pipe', 'ignore', 'pipe'] },
  );
  const pids: number[] = [];
  let text = '';
  for await (const chunk of shell.stdout ?? []) {
    text += chunk;
    const lines = text.split('\n').slice(0, -1);
    if (lines.length < scripts.length) continue;
    pids.push(...lines.map(Number));
    break;
  }
  const go = shell.stdio[3];
  return {
    pids,
    end: () => {
      if (go !== null && go !== undefined && 'end' in go) go.end();
    },
  };
}

const given = process.argv.slice(2).map(Number);
const { pids, end } =
  given.length > 0 ? { pids: given, end: () => {} } : await startSome();
const exits = pids.map((pid) => exited(pid, { timeout: 60_000 }));
end();
for (const [index, exit] of exits.entries()) {
  const { code, signal } = await exit;
  console.log(`process ${index}: ${signal ?? code ?? 'ended, somehow'}`);
}
