// Other code in the process closes, dups and replaces descriptors between any
// two calls. No closed descriptor reports an event, no open one loses an event.

import { printedBy } from '../support/child.js';
import { onLinux } from '../support/fds.js';

const SEED = process.env.KQUEUE_FFI_ADVERSARY_SEED ?? '1';
const MS = process.env.KQUEUE_FFI_ADVERSARY_MS ?? '3000';
const FILE = 'adversary/neighbour';

interface Report {
  readonly seed?: number;
  readonly programs?: number;
  readonly faults: readonly string[];
}

async function faultsOf(name: string, ...args: string[]): Promise<string[]> {
  const [report] = (await printedBy(FILE, name, { args })) as Report[];
  if (report.faults.length > 0) return [`${report.seed}`, ...report.faults];
  expect(report.programs).toBeGreaterThan(0);
  return [];
}

onLinux(
  'survives random calls on the descriptors of the program and of its queues',
  async () => {
    expect(await faultsOf('raw', 'users', SEED, MS)).toEqual([]);
  },
);

onLinux(
  'reports no false event if the descriptors of the library are included',
  async () => {
    expect(await faultsOf('raw', 'all', SEED, MS)).toEqual([]);
  },
);

onLinux('settles pending waits, at close() at the latest', async () => {
  expect(await faultsOf('typed', SEED, MS)).toEqual([]);
});
