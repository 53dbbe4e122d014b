import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type ExitedOptions, exited, KqueueError } from '../../src/index.js';
import { gate } from '../conformance/cases.js';
import { printedBy, together } from '../support/child.js';
import { onLinux, openCount } from '../support/fds.js';

const programs = together('helpers/exited', [
  'child',
  'abandonedWaits',
  'thousand',
]);

const started: ChildProcess[] = [];

/** A child that runs a shell script. */
function sh(script: string): ChildProcess & { readonly pid: number } {
  const child = spawn('sh', ['-c', script], { stdio: 'ignore' });
  started.push(child);
  if (child.pid === undefined) throw new Error('sh did not start');
  return child as ChildProcess & { readonly pid: number };
}

afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A process that is not a child: its parent shell has exited. */
async function orphan(script: string): Promise<number> {
  const shell = spawn(
    'sh',
    ['-c', `sh -c '${script}' >/dev/null 2>&1 & echo $!`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const gone = once(shell, 'exit');
  const [text] = await once(shell.stdout, 'data');
  await gone;
  return Number(String(text));
}

/** Block this thread, so that no child is waited for meanwhile. */
const block = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

const settled = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (error: unknown) =>
      error instanceof KqueueError ? error.code : (error as Error).name,
  );

describe('exited resolves with the exit status of', () => {
  test.each([
    ['exit 0', { code: 0, signal: null }],
    ['exit 3', { code: 3, signal: null }],
    ['exit 255', { code: 255, signal: null }],
    ['kill -TERM $$', { code: null, signal: 'SIGTERM' }],
    ['kill -KILL $$', { code: null, signal: 'SIGKILL' }],
  ])('a child that runs %s', async (script, status) => {
    expect(await exited(sh(`sleep 0.05; ${script}`).pid)).toEqual(status);
  });

  onLinux('a process that is not a child', async () => {
    const pid = await orphan('sleep 0.3; exit 7');
    const status = await exited(pid, { timeout: 15_000 });
    // Before Linux 6.15 it may have been waited for by then.
    expect([7, null]).toContain(status.code);
    expect(status.signal).toBeNull();
  });

  test('a process that exits immediately', async () => {
    for (let i = 0; i < 50; i++) {
      const child = sh(`exit ${i}`);
      if (i % 3 === 1) block(i % 5);
      expect(await exited(child.pid)).toEqual({ code: i, signal: null });
    }
  });

  onLinux('one that ended and was not waited for yet', async () => {
    for (const [script, status] of [
      ['exit 5', { code: 5, signal: null }],
      ['exit 0', { code: 0, signal: null }],
      ['kill -9 $$', { code: null, signal: 'SIGKILL' }],
    ] as const) {
      const { pid } = sh(script);
      block(200);
      expect(await exited(pid)).toEqual(status);
    }
  });

  test('a process whose parent still receives its exit status', async () => {
    const child = sh('sleep 0.05; exit 9');
    const parentStatus = once(child, 'exit');
    expect(await exited(child.pid)).toEqual({ code: 9, signal: null });
    expect(await parentStatus).toEqual([9, null]);
  });

  test('a process, for every pending wait', async () => {
    const { pid } = sh('sleep 0.05; exit 4');
    const waits = Array.from({ length: 20 }, () => exited(pid));
    const codes = (await Promise.all(waits)).map(({ code }) => code);
    expect(codes).toEqual(Array(20).fill(4));
  });
});

describe('exited rejects', () => {
  test('with ESRCH and the pid if there is no such process', async () => {
    const child = sh('exit 0');
    await once(child, 'exit');
    const error = await exited(child.pid).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(KqueueError);
    expect(error).toMatchObject({ code: 'ESRCH', errno: -3 });
    expect(String(error)).toContain(`process ${child.pid}`);
  });

  test('with ETIMEDOUT at its timeout, and not before', async () => {
    const before = performance.now();
    const wait = exited(process.pid, { timeout: 30 });
    await expect(wait).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(performance.now() - before).toBeGreaterThanOrEqual(29);
  });

  test('does not time out if the process ended in time, although the event was not collected', async () => {
    const { pid } = sh('exit 6');
    const wait = exited(pid, { timeout: 150 });
    block(400);
    expect(await wait).toEqual({ code: 6, signal: null });
  });

  test('with the reason of the signal, before and while it waits', async () => {
    const reason = new Error('mine');
    await expect(
      exited(process.pid, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
    const controller = new AbortController();
    const { signal } = controller;
    const waits = [exited(process.pid, { signal }), exited(process.pid)];
    controller.abort(reason);
    await expect(waits[0]).rejects.toBe(reason);
    using other = waits[1];
    expect(await Promise.race([settled(other), 'still waits'])).toBe(
      'still waits',
    );
  });

  test('ignores a signal that aborts after the exit', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const { pid } = sh('exit 2');
    const wait = exited(pid, { signal, timeout: 60_000 });
    expect(await wait).toEqual({ code: 2, signal: null });
    controller.abort();
    wait[Symbol.dispose]();
    expect(await wait).toEqual({ code: 2, signal: null });
  });

  test.each<[unknown, ErrorConstructor]>([
    [0, RangeError],
    [-1, RangeError],
    [1.5, RangeError],
    [Number.NaN, RangeError],
    [2 ** 31, RangeError],
    ['1', TypeError],
    [undefined, TypeError],
    [null, TypeError],
    [1n, TypeError],
  ])('rejects %p as a pid', async (pid, kind) => {
    const wait = exited(pid as number);
    await expect(wait).rejects.toThrow(kind);
    await expect(wait).rejects.toThrow(/^Cannot wait for a process as 'pid'/);
  });

  test('rejects invalid options', async () => {
    const none = null as unknown as ExitedOptions;
    await expect(exited(1, none)).rejects.toThrow(
      /^Cannot wait for a process as 'options' /,
    );
    await expect(exited(1, { timeout: -1 })).rejects.toThrow(RangeError);
    const options = { signal: 'no' as unknown as AbortSignal };
    await expect(exited(1, options)).rejects.toThrow(TypeError);
  });
});

describe('disposing of a wait', () => {
  test('rejects the wait without an unhandled rejection', async () => {
    const before = openCount();
    let pending: Promise<unknown>;
    {
      using wait = exited(process.pid);
      pending = wait;
      using _ = exited(process.pid);
    }
    expect(await settled(pending)).toBe('ERR_KQUEUE_CLOSED');
    expect(openCount()).toBe(before);
  });

  test('does not end another wait for the same process', async () => {
    const { pid } = sh('sleep 0.1; exit 1');
    const wait = exited(pid);
    {
      using _ = exited(pid);
    }
    expect(await wait).toEqual({ code: 1, signal: null });
  });
});

test('exited waits for processes that may not be signalled, or are unrelated', async () => {
  using wait = exited(1);
  expect(await Promise.race([settled(wait), 'still waits'])).toBe(
    'still waits',
  );
});

/** The first shell of a pid namespace reaps orphans and can choose pids. */
const NAMESPACE = ['-Urpf', '--mount-proc', 'sh', '-c'];

function canChoosePids(): boolean {
  const script = 'echo 100 > /proc/sys/kernel/ns_last_pid';
  try {
    execFileSync('unshare', [...NAMESPACE, script], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

gate(canChoosePids(), 'pids cannot be chosen here')(
  'exited distinguishes processes that had the same pid',
  async () => {
    const first = `exec unshare ${NAMESPACE.join(' ')} '"$@"; exit $?' sh "$@"`;
    const lost = { code: null, signal: null };
    const [reused, old, child, reusedAgain, disposed, childAgain] =
      await printedBy('helpers/exited', 'recycled', { first });
    expect([reused, reusedAgain]).toEqual([true, true]);
    // Linux before 6.15 does not report the status of a reaped process.
    expect([lost, { code: null, signal: 'SIGTERM' }]).toContainEqual(old);
    expect(disposed).toBe('ERR_KQUEUE_CLOSED');
    expect([child, childAgain]).toEqual(
      Array(2).fill({ code: 5, signal: null }),
    );
  },
);

describe('many waits', () => {
  onLinux('share one queue, which is closed after the last wait', async () => {
    const before = openCount();
    const children = Array.from({ length: 100 }, (_, i) =>
      sh(`read x; exit ${i}`),
    );
    for (const child of children) child.kill('SIGSTOP');
    const counts = openCount();
    const waits = children.map(({ pid }) => exited(pid, { timeout: 15_000 }));
    // A descriptor for each process, and a few for the queue.
    expect(openCount() - counts).toBeLessThan(children.length + 8);
    for (const child of children) {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
    }
    for (const wait of waits) await wait;
    for (let i = 0; i < 200 && openCount() > before; i++) {
      await new Promise(setImmediate);
    }
    expect(openCount()).toBeLessThanOrEqual(before);
  });

  test('a thousand concurrent waits resolve', async () => {
    expect(await programs.printedBy('thousand')).toEqual([true, 1000, true]);
  }, 40_000);
});

describe('the process', () => {
  test('stays alive while a wait is pending, and exits afterwards', async () => {
    expect(await programs.printedBy('child')).toEqual([0]);
  });

  test('exits when each wait was aborted, timed out or disposed of', async () => {
    const { status, stderr } = await programs.outcomeOf('abandonedWaits');
    expect([stderr, status]).toEqual(['', 0]);
  });
});
