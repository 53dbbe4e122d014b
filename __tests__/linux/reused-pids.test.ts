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

withPids('M6 the exit status is not that of a zombie with the same pid', () => {
  const program = join(root, '__tests__/fixtures/linux/reused-pids.cjs');
  const args = [...IN_NAMESPACE, process.execPath, program, 'zombie'];
  const options = { encoding: 'utf8', timeout: 20_000 } as const;
  const printed = JSON.parse(execFileSync('unshare', args, options));
  // Before Linux 6.15 the status of a process that was reaped is unknown.
  expect([
    [true, 3 << 8],
    [true, 0],
  ]).toContainEqual(printed);
});
