// However a process or a thread ends, and whatever its queues are doing at
// that moment: it ends at once, the way it was told to. Never a hang, never a
// crash of another kind.
//
// A share of the matrix runs with the suite. All of it, on another Node:
//   KQUEUE_FFI_CRASH=full KQUEUE_FFI_CRASH_NODE=/path/to/node npx jest crash
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../support/built-package.js';
import { entry } from '../support/child.js';
import { onLinux } from '../support/fds.js';

const fixture = join(root, '__tests__/fixtures/crash/process.cjs');
const isFull = process.env.KQUEUE_FFI_CRASH === 'full';
const node = process.env.KQUEUE_FFI_CRASH_NODE ?? process.execPath;

/** From "ready" to the end: far more than it takes, far less than a hang. */
const AT_ONCE = 5000;
const AT_A_TIME = 2;

type Place = 'main' | 'worker';

interface Cell {
  readonly place: Place;
  readonly state: string;
  readonly ending: string;
}

/** How a cell ended. */
interface End {
  readonly status: number | string | null;
  readonly lines: readonly string[];
  readonly stderr: string;
  /** Milliseconds from "ready". */
  readonly took: number;
}

function play({ place, state, ending }: Cell): Promise<End> {
  return new Promise((resolve) => {
    const flags = ending === 'memory' ? ['--max-old-space-size=24'] : [];
    const args = [...flags, fixture, entry, place, state, ending];
    // An abort is to leave no core file.
    const child = spawn(
      'sh',
      ['-c', 'ulimit -c 0 && exec "$@"', 'sh', node, ...args],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stdout = '';
    let stderr = '';
    let ready = Number.NaN;
    let watchdog = setTimeout(() => child.kill('SIGUSR1'), 20_000);
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      if (!Number.isNaN(ready) || !/^ready$/m.test(stdout)) return;
      ready = performance.now();
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        stderr += 'it hangs';
        child.kill('SIGKILL');
      }, AT_ONCE);
      // One that is blocked can end itself in no way.
      if (place === 'main' && state.startsWith('blocked')) {
        child.kill(ending as NodeJS.Signals);
      }
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      resolve({
        status: code ?? signal,
        lines: stdout.split('\n').filter((line) => line !== ''),
        stderr,
        took: performance.now() - ready,
      });
    });
  });
}

/** What each ending of the process is to look like. */
const PROCESS_ENDS: Readonly<Record<string, number | string>> = {
  exit: 7,
  uncaught: 1,
  rejection: 1,
  abort: 'SIGABRT',
  SIGKILL: 'SIGKILL',
  SIGTERM: 'SIGTERM',
  memory: 'SIGABRT',
};

/** And each ending of a thread that leaves the process alive. */
const THREAD_ENDS: Readonly<Record<string, readonly string[]>> = {
  terminate: ['worker 1'],
  'worker exit': ['worker 3'],
  'worker uncaught': ['thrown on purpose', 'worker 1'],
  'worker rejection': ['rejected on purpose', 'worker 1'],
  'worker memory': ['ERR_WORKER_OUT_OF_MEMORY', 'worker 1'],
};

const WAITING = [
  'idle',
  'raw',
  'next',
  'timeout',
  'loop',
  'batches',
  'on',
  'flood',
  'level',
  'unref',
  'callback',
  'body',
  'closing',
  'closing inside',
  'many',
  'nested',
];
const BLOCKED = ['blocked', 'blocked raw', 'blocked busy'];

const statesOf = (place: Place, ending: string): readonly string[] => {
  const isSignal = ending === 'SIGKILL' || ending === 'SIGTERM';
  const fromOutside =
    place === 'main' ? isSignal : !ending.startsWith('worker ');
  const all = fromOutside ? [...WAITING, ...BLOCKED] : WAITING;
  if (isFull) return all;
  if (ending === 'terminate') return all;
  if (place === 'main' && ending === 'exit') return all;
  // From outside it makes no difference what the thread would do inside.
  const few = place === 'worker' && fromOutside ? [] : ['flood', 'callback'];
  return all.filter((state) => state === 'blocked' || few.includes(state));
};

/** Play cells, a few at a time; what went wrong with them. */
async function failuresOf(
  cells: readonly Cell[],
  isRight: (end: End) => boolean,
): Promise<string[]> {
  const failures: string[] = [];
  const queue = [...cells];
  const lane = async (): Promise<void> => {
    for (let cell = queue.shift(); cell !== undefined; cell = queue.shift()) {
      const end = await play(cell);
      if (isRight(end) && end.took < AT_ONCE) continue;
      failures.push(`${cell.state}: ${JSON.stringify(end)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  return failures;
}

jest.setTimeout(60_000);

const cellsOf = (place: Place, ending: string): Cell[] =>
  statesOf(place, ending).map((state) => ({ place, state, ending }));

/** A thread's message and its error may come in either order. */
const isSame = (lines: readonly string[], others: readonly string[]): boolean =>
  [...lines].sort().join() === [...others].sort().join();

/** What V8 says of a thread's heap on the way. */
const OUT_OF_MEMORY = /\n<--- (?:Last few GCs|JS stacktrace)[\s\S]*$/;

/** What an ending says on standard error. */
const SAYS: Readonly<Record<string, string>> = {
  uncaught: 'thrown on purpose',
  rejection: 'rejected on purpose',
  memory: 'heap out of memory',
};

for (const place of ['main', 'worker'] as const) {
  for (const [ending, status] of Object.entries(PROCESS_ENDS)) {
    onLinux(
      `a process with queues in its ${place} thread ends at once by ${ending}`,
      async () => {
        const failures = await failuresOf(cellsOf(place, ending), (end) => {
          const says = SAYS[ending];
          const isQuiet =
            ending === 'abort' ||
            (says === undefined
              ? end.stderr === ''
              : end.stderr.includes(says));
          return (
            end.status === status && end.lines.join() === 'ready' && isQuiet
          );
        });
        expect(failures).toEqual([]);
      },
    );
  }
}

for (const [ending, lines] of Object.entries(THREAD_ENDS)) {
  onLinux(
    `a thread with queues ends at once by ${ending}, and the process lives on`,
    async () => {
      const failures = await failuresOf(
        cellsOf('worker', ending),
        (end) =>
          end.status === 0 &&
          isSame(end.lines, ['ready', ...lines, 'alive']) &&
          end.stderr.replace(OUT_OF_MEMORY, '') === '',
      );
      expect(failures).toEqual([]);
    },
  );
}

onLinux('a thread nobody waits for ends with the process', async () => {
  const failures = await failuresOf(
    cellsOf('worker', 'unref'),
    (end) => end.status === 0 && end.stderr === '',
  );
  expect(failures).toEqual([]);
});
