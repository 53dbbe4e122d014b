/** Does memory grow with registrations that come and go? */

import { createServer } from 'node:net';
import {
  close,
  EV_ADD,
  EV_DELETE,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  KeventList,
  Kqueue,
  kevent,
  kqueue,
} from 'kqueue-ffi';
import { fdOf } from '../fd-of.js';
import { type Row, valueRow } from '../report.js';
import { answer, task } from '../task.js';

const TIMES = task.quick ? 100_000 : 1_000_000;

const server = createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => server.once('listening', resolve));
const fd = fdOf(server as never);

interface Held {
  readonly heap: number;
  readonly rss: number;
}

function held(): Held {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

/** The memory held after each tenth. */
function churn(times: number, run: (n: number) => void): Held[] {
  return Array.from({ length: 10 }, () => {
    run(times / 10);
    return held();
  });
}

const rows: Row[] = [];
const totals: string[] = [];

function judge(name: string, run: (n: number) => void): void {
  const samples = churn(TIMES, run);
  // One-time allocations are done by then; a leak continues.
  const [first, half, last] = [samples[0], samples[4], samples[9]];
  const per = (bytes: number): number =>
    Math.round((100 * bytes) / (TIMES / 2)) / 100;
  const heap = per(last.heap - half.heap);
  const rss = per(last.rss - half.rss);
  rows.push(valueRow(`${name}: heap`, 'bytes', [heap], { most: 0.5 }));
  rows.push(valueRow(`${name}: resident`, 'bytes', [rss], { most: 4 }));
  const mega = ({ heap, rss }: Held): string =>
    `${(heap / 2 ** 20).toFixed(1)}/${(rss / 2 ** 20).toFixed(1)}`;
  totals.push(`${name} ${[first, half, last].map(mega).join(', ')}`);
}

const kq = kqueue();
for (const [name, key] of [
  ['user', { ident: 1, filter: EVFILT_USER }],
  ['timer', { ident: 1, filter: EVFILT_TIMER, data: 60_000 }],
  ['read', { ident: fd, filter: EVFILT_READ }],
] as const) {
  const both = KeventList.of(
    { ...key, flags: EV_ADD },
    { ...key, flags: EV_DELETE },
  );
  judge(`kevent, ${name}`, (n) => {
    for (let i = 0; i < n; i++) kevent(kq, both, null);
  });
}
close(kq);

const queue = new Kqueue<{ i: number }>();
judge('Kqueue, user with a value', (n) => {
  for (let i = 0; i < n; i++) {
    queue.add({ filter: 'user', id: i, udata: { i } });
    queue.delete({ filter: 'user', id: i });
  }
});
queue.close();
server.close();

answer({
  id: 'churn',
  title: 'Memory that grows by adding and deleting, per pair',
  rows,
  notes: [
    `${TIMES.toLocaleString('en-US')} pairs of each; what is held more at the end, collected, than half-way. A pointer kept of each would be 8 bytes.`,
    `Heap/resident in MB after a tenth, a half, all: ${totals.join('; ')}.`,
  ],
});
