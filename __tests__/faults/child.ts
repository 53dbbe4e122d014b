// Children of this process that libuv knows nothing of: made in a moment, and
// waited for by who made them.
import koffi from 'koffi';

const library = koffi.load(null);
const spawn = library.func('posix_spawn', 'int', [
  'uintptr_t',
  'uintptr_t',
  'uintptr_t',
  'uintptr_t',
  'uintptr_t',
  'uintptr_t',
]);
const kill = library.func('kill', 'int', ['int', 'int']);
const waitpid = library.func('waitpid', 'int', ['int', 'uintptr_t', 'int']);
const waitid = library.func('waitid', 'int', [
  'int',
  'uint32_t',
  'uintptr_t',
  'int',
]);

const memory = new ArrayBuffer(512);
const base = Number(koffi.address(memory));
const words = new BigUint64Array(memory);
const PATH = 64;
const ARGUMENT = 96;
const INFO = 128;
new Uint8Array(memory).set(Buffer.from('/bin/sleep\0'), PATH);
new Uint8Array(memory).set(Buffer.from('60\0'), ARGUMENT);

const SIGKILL = 9;
const P_PID = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;

const alive = new Set<number>();

/** Start a child that sleeps: its process number. */
export function sleeper(): number {
  words[1] = BigInt(base + PATH);
  words[2] = BigInt(base + ARGUMENT);
  words[3] = 0n;
  if (spawn(base, base + PATH, 0, 0, base + 8, base + 24) !== 0) {
    throw new Error('no child could be started');
  }
  const pid = new Int32Array(memory)[0];
  alive.add(pid);
  return pid;
}

/** End it; when this returns it has, and its status waits. */
export function end(pid: number): void {
  if (!alive.has(pid)) throw new Error('that is no child of ours');
  kill(pid, SIGKILL);
  waitid(P_PID, pid, base + INFO, WEXITED | WNOWAIT);
}

/** End and wait for all. */
export function reap(): void {
  for (const pid of alive) {
    kill(pid, SIGKILL);
    waitpid(pid, 0, 0);
  }
  alive.clear();
}
