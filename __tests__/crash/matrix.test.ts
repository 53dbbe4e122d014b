// A process or a thread exits promptly and as requested, in every state of its
// queues and with every kind of exit. Never a hang, never a
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
/** And to the next "ready". */
const TO_START = 20_000;
const AT_A_TIME = 2;

type Place = 'main' | 'worker';

/** How a process ended that played some states. */
interface End {
  readonly status: number | string | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** Play states one after the other, in one process; a hang is killed. */
function play(
  place: Place,
  states: readonly string[],
  ending: string,
): Promise<End> {
  return new Promise((resolve) => {
    const flags = ending === 'memory' ? ['--max-old-space-size=24'] : [];
    const args = [...flags, fixture, entry, place, states.join(), ending];
    // An abort is to leave no core file.
    const child = spawn(
      'sh',
      ['-c', 'ulimit -c 0 && exec "$@"', 'sh', node, ...args],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let stdout = '';
    let stderr = '';
    let seen = 0;
    let watchdog: NodeJS.Timeout | undefined;
    const killAfter = (ms: number): void => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        stderr += 'it hangs';
        child.kill('SIGKILL');
      }, ms);
    };
    killAfter(TO_START);
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      const lines = stdout.split('\n').slice(seen, -1);
      seen += lines.length;
      for (const line of lines) {
        if (line === 'alive') killAfter(TO_START);
        if (!line.startsWith('ready')) continue;
        killAfter(AT_ONCE);
        // One that is blocked can end itself in no way.
        if (place === 'main' && line.startsWith('ready blocked')) {
          child.kill(ending as NodeJS.Signals);
        }
      }
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('close', (code, signal) => {
      clearTimeout(watchdog);
      const lines = stdout.split('\n').filter((line) => line !== '');
      resolve({ status: code ?? signal, lines, stderr });
    });
  });
}

/** The expected exit status of each ending of the process. */
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

/** Play each state in a child process and return the failures. */
async function failuresOf(
  place: Place,
  ending: string,
  isRight: (end: End) => boolean,
): Promise<string[]> {
  const failures: string[] = [];
  const waiting = [...statesOf(place, ending)];
  const lane = async (): Promise<void> => {
    for (
      let state = waiting.shift();
      state !== undefined;
      state = waiting.shift()
    ) {
      const end = await play(place, [state], ending);
      if (isRight(end) && end.lines.join() === `ready ${state}`) continue;
      failures.push(`${state}: ${JSON.stringify(end)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
  return failures;
}

jest.setTimeout(60_000);

/** The lines up to each "alive"; a message and an error come in either order. */
const livesOf = (lines: readonly string[]): string[][] =>
  `${lines.join('\n')}\n`
    .split('alive\n')
    .slice(0, -1)
    .map((life) => life.split('\n').slice(0, -1).sort());

/** The message of V8 about the heap of a thread. */
const OUT_OF_MEMORY = /\n<--- (?:Last few GCs|JS stacktrace)[\s\S]*$/;

/** The output of an ending on standard error. */
const SAYS: Readonly<Record<string, string>> = {
  uncaught: 'thrown on purpose',
  rejection: 'rejected on purpose',
  memory: 'heap out of memory',
};

for (const place of ['main', 'worker'] as const) {
  for (const [ending, status] of Object.entries(PROCESS_ENDS)) {
    onLinux(
      `a process with queues in its ${place} thread exits promptly by ${ending}`,
      async () => {
        const failures = await failuresOf(place, ending, (end) => {
          const says = SAYS[ending];
          const isQuiet =
            ending === 'abort' ||
            (says === undefined
              ? end.stderr === ''
              : end.stderr.includes(says));
          return end.status === status && isQuiet;
        });
        expect(failures).toEqual([]);
      },
    );
  }
}

for (const [ending, lines] of Object.entries(THREAD_ENDS)) {
  onLinux(
    `a thread with queues exits promptly by ${ending}, and the process continues`,
    async () => {
      const states = statesOf('worker', ending);
      const end = await play('worker', states, ending);
      expect(livesOf(end.lines)).toEqual(
        states.map((state) => [`ready ${state}`, ...lines].sort()),
      );
      expect(end).toMatchObject({ status: 0 });
      expect(end.stderr.replace(OUT_OF_MEMORY, '')).toBe('');
    },
  );
}

onLinux('a thread without a waiter ends with the process', async () => {
  const failures = await failuresOf(
    'worker',
    'unref',
    ({ status, stderr }) => status === 0 && stderr === '',
  );
  expect(failures).toEqual([]);
});
