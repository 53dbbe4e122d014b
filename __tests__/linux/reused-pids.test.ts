// EVFILT_PROC: another process gets the pid of one that is watched.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { gate } from '../conformance/cases.js';
import { root } from '../support/built-package.js';

/** The first process of a pid namespace with a proc(5) of its own. */
const IN_NAMESPACE = ['-pf', '--mount-proc'];

/** Whether the next pid can be chosen here. */
function canChoosePids(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const script = 'echo 300 >/proc/sys/kernel/ns_last_pid';
    const args = [...IN_NAMESPACE, 'sh', '-c', script];
    execFileSync('unshare', args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const withPids = gate(canChoosePids(), 'pids cannot be chosen here');

/** What a program of the first process of a new namespace prints. */
function printedInNamespace(name: string): unknown {
  const program = join(root, '__tests__/fixtures/linux/reused-pids.cjs');
  const args = [...IN_NAMESPACE, process.execPath, program, name];
  const options = { encoding: 'utf8', timeout: 20_000 } as const;
  return JSON.parse(execFileSync('unshare', args, options));
}

withPids('M6 the exit status is not that of a zombie with the same pid', () => {
  const printed = printedInNamespace('zombie');
  // Before Linux 6.15 the status of a process that was reaped is unknown.
  expect([
    [true, 3 << 8],
    [true, 0],
  ]).toContainEqual(printed);
});

withPids('an exit is reported although the pid is that of another', () => {
  // Other code closed the descriptor that would report it.
  expect(printedInNamespace('lost')).toEqual([true, 1, 0]);
});
