/**
 * Keep a program running: restart it when it exits, forward SIGHUP, and stop it
 * with SIGTERM when the supervisor is stopped. With a command it supervises
 * that command; without one, a shell that fails twice, then it sends SIGTERM to
 * itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { exited, signals } from 'kqueue-ffi';

const FIRST_PAUSE = 10;
const MAX_PAUSE = 5000;
const GRACE = 5000;

const [, , ...given] = process.argv;
const isDemo = given.length === 0;
const [command, ...args] = isDemo
  ? ['sh', '-c', 'test "$STARTS" -lt 3 && exit 3; exec sleep 60']
  : given;

const stop = new AbortController();
let child: ChildProcess | undefined;

/** End the program: SIGTERM, and SIGKILL if that does not help. */
async function end(running: ChildProcess, pid: number): Promise<void> {
  running.kill('SIGTERM');
  await exited(pid, { timeout: GRACE }).catch(() => running.kill('SIGKILL'));
}

async function supervise(): Promise<void> {
  let pause = FIRST_PAUSE;
  for (let starts = 1; !stop.signal.aborted; starts++) {
    const begin = performance.now();
    const env = { ...process.env, STARTS: String(starts) };
    const running = spawn(command, args, { stdio: 'inherit', env });
    const { pid } = running;
    if (pid === undefined) throw (await once(running, 'error'))[0];
    // Wait at once: a child that exits later in this turn is not missed.
    const exit = exited(pid);
    child = running;
    console.log(`started: ${starts}`);
    if (isDemo && starts === 3) process.kill(process.pid, 'SIGTERM');
    const onStop = () => void end(running, pid);
    stop.signal.addEventListener('abort', onStop);
    const { code, signal } = await exit;
    stop.signal.removeEventListener('abort', onStop);
    child = undefined;
    console.log(`exited: ${code ?? signal}`);
    if (performance.now() - begin > MAX_PAUSE) pause = FIRST_PAUSE;
    // A program that fails at once is not restarted in a tight loop.
    await sleep(pause, undefined, { signal: stop.signal }).catch(() => {});
    pause = Math.min(2 * pause, MAX_PAUSE);
  }
}

// While it is open, these signals do not end this process.
const received = signals('SIGINT', 'SIGTERM', 'SIGHUP');

async function passSignals(): Promise<void> {
  for await (const { signal } of received) {
    if (signal === 'SIGHUP') child?.kill('SIGHUP');
    else stop.abort();
  }
}

const passing = passSignals();
try {
  await supervise();
} finally {
  received.close();
  await passing;
}
