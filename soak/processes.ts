import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { release } from 'node:os';
import type { ExitStatus } from 'kqueue-ffi';
import { pause, type Scenario } from './scenario.js';
import type { Mark } from './shared-queue.js';

// Before Linux 6.15 the status is lost if Node.js reaps the child first.
const [major, minor] = release().split('.').map(Number);
const tellsStatus =
  process.platform !== 'linux' || major > 6 || (major === 6 && minor >= 15);

/** The exit of each child is reported once, with its status. */
export const children: Scenario = async ({ shared, ledger, random }) => {
  const code = random.int(0, 255);
  const nap = random.chance(0.5) ? `sleep 0.0${random.int(1, 9)}; ` : '';
  const killed = random.chance(0.2);
  const script = killed ? 'kill -9 $$' : `exit ${code}`;
  const child = spawn('/bin/sh', ['-c', nap + script], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const { pid = 0 } = child;
  let gone = false;
  let times = 0;
  let exit: ExitStatus | undefined;
  let decoded = false;
  let data: number | bigint = 0;
  const ended = new Promise<void>((resolve) => {
    const udata: Mark = {
      what: `child ${pid}`,
      ended: undefined,
      handle(raw, event) {
        ledger.check(
          ++times === 1,
          () => `${udata.what}: exited ${times} times`,
        );
        data = raw.data;
        decoded = event !== undefined;
        if (event?.filter === 'proc') exit = event.exit;
        resolve();
      },
    };
    try {
      const notes = ['exit', 'exitstatus'] as const;
      shared.kq.add({ filter: 'proc', pid, notes, udata });
    } catch (error) {
      // It has already ended.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      gone = true;
      resolve();
    }
  });
  await ledger.must(ended, `the exit of child ${pid}`);
  await exited;
  ledger.count('children');
  if (gone) {
    ledger.count('children that were gone');
  } else if (tellsStatus) {
    const status = killed ? 9 : code << 8;
    ledger.check(
      data === status && (!decoded || exit !== undefined),
      () => `child ${pid}: status ${data} for ${status}`,
    );
    if (exit !== undefined) {
      const right = killed ? exit.signal === 'SIGKILL' : exit.code === code;
      ledger.check(right, () => `child ${pid}: ${JSON.stringify(exit)}`);
    }
  }
  // A second event would follow soon.
  await pause(random.int(0, 5));
};

let busy = false;

/** Each signal is counted. Two pending signals would be one. */
export const signals: Scenario = async ({ shared, ledger, random }) => {
  if (busy) return;
  busy = true;
  const key = { filter: 'signal', signal: 'SIGUSR2' } as const;
  let count = 0;
  let progress = (): void => {};
  const mark: Mark = {
    what: 'SIGUSR2',
    ended: undefined,
    handle(raw) {
      count += Number(raw.data);
      progress();
    },
  };
  try {
    shared.kq.add({ ...key, udata: mark });
    for (let sent = 1; sent <= random.int(1, 20); sent++) {
      process.kill(process.pid, 'SIGUSR2');
      const reached = new Promise<void>((resolve) => {
        progress = () => {
          if (count >= sent) resolve();
        };
        progress();
      });
      await ledger.must(reached, `signal ${sent}`);
      ledger.check(count === sent, () => `${count} signals of ${sent}`);
    }
    ledger.count('signals', count);
    shared.end(mark, key);
  } finally {
    busy = false;
  }
};
