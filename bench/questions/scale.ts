/** Does one ready registration cost more among many? Linux. */
import {
  close,
  EV_ADD,
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_USER,
  type KeventInit,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue-ffi';
import { here, measure, ratios, type Way } from '../measure.js';
import { type Row, ratioRow, valueRow } from '../report.js';
import {
  closeAll,
  descriptorsLeft,
  fill,
  makePipe,
  makeSockets,
} from '../system.js';
import { answer, task } from '../task.js';

const queues: number[] = [];

/** Bytes that the process holds now. */
function held(): { heap: number; rss: number } {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

interface Memory {
  readonly what: string;
  readonly heap: number;
  readonly rss: number;
}

const memory: Memory[] = [];

/** A queue with as many registrations; what one takes is kept for the last. */
function fillQueue(
  what: string,
  count: number,
  init: (i: number) => KeventInit,
  isMost: boolean,
): number {
  const PART = 1024;
  const kq = kqueue();
  queues.push(kq);
  const list = new KeventList(PART);
  const before = held();
  for (let i = 0; i < count; ) {
    list.clear();
    while (i < count && list.length < PART) list.push(init(i++));
    kevent(kq, list, null);
  }
  const after = held();
  if (isMost) {
    memory.push({
      what: `${what}, memory of each`,
      heap: (after.heap - before.heap) / count,
      rss: (after.rss - before.rss) / count,
    });
  }
  return kq;
}

const events = new KeventList(64);

/** A user event among others is triggered and collected. */
function trigger(kq: number, ident: number): (n: number) => void {
  const list = KeventList.of({
    ident,
    filter: EVFILT_USER,
    fflags: NOTE_TRIGGER,
  });
  return (n) => {
    for (let i = 0; i < n; i++) {
      kevent(kq, list, null);
      if (kevent(kq, null, events, 0) !== 1) throw new Error('no event');
    }
  };
}

const named = (what: string, count: number): string =>
  `${what}, ${count.toLocaleString('en-US')}`;

function amongUsers(count: number, isMost: boolean): Way {
  const init = (i: number): KeventInit => ({
    ident: i,
    filter: EVFILT_USER,
    flags: EV_ADD | EV_CLEAR,
  });
  const kq = fillQueue('user events', count, init, isMost);
  return here(named('user events', count), trigger(kq, count >> 1));
}

function amongTimers(count: number, isMost: boolean): Way {
  const HOUR = 3_600_000;
  const init = (i: number): KeventInit => ({
    ident: i,
    filter: EVFILT_TIMER,
    flags: EV_ADD,
    data: HOUR + i,
  });
  const kq = fillQueue('timers', count, init, isMost);
  const user = { ident: 1, filter: EVFILT_USER, flags: EV_ADD | EV_CLEAR };
  kevent(kq, [user], null);
  return here(named('timers and a user event', count), trigger(kq, 1));
}

function amongSockets(count: number, isMost: boolean): Way {
  const [reader, writer] = makePipe();
  fill(writer, 5);
  const fds = [reader];
  while (fds.length < count) fds.push(...makeSockets());
  fds.length = count;
  // In the middle of them.
  [fds[0], fds[count >> 1]] = [fds[count >> 1], fds[0]];
  const init = (i: number): KeventInit => ({
    ident: fds[i],
    filter: EVFILT_READ,
    flags: EV_ADD,
  });
  const kq = fillQueue('sockets', count, init, isMost);
  return here(named('a pipe among sockets', count), (n) => {
    for (let i = 0; i < n; i++) {
      if (kevent(kq, null, events, 0) !== 1) throw new Error('no event');
    }
  });
}

const SIZES = [10, 1_000, 100_000];
const fewer = Math.min(
  100_000,
  10 ** Math.floor(Math.log10((descriptorsLeft() - 1_200) / 1.1)),
);
const series = [
  { make: amongSockets, sizes: [10, 1_000, fewer] },
  { make: amongUsers, sizes: SIZES },
  { make: amongTimers, sizes: SIZES },
];

const rows: Row[] = [];
for (const { make, sizes } of series) {
  const ways: Record<string, Way> = {};
  for (const size of sizes) {
    ways[size] = make(size, size === sizes[sizes.length - 1]);
  }
  const times = await measure(ways, task);
  const [least, ...more] = sizes;
  rows.push(valueRow(ways[least].name, 'ns', times[least]));
  for (const size of more) {
    const ratio = ratios(times[size], times[least]);
    rows.push(
      ratioRow(ways[size].name, 'ns', times[size], `${least}`, ratio, {
        most: 1.15,
      }),
    );
  }
  for (const kq of queues.splice(0)) close(kq);
  closeAll();
}
for (const { what, heap, rss } of memory) {
  rows.push(valueRow(`${what}: heap`, 'bytes', [heap]));
  rows.push(valueRow(`${what}: resident`, 'bytes', [rss]));
}

answer({
  id: 'scale',
  title: 'Linux: one ready among many registered',
  rows,
  notes: [
    `Sockets go up to ${fewer.toLocaleString('en-US')}, which is what the limit of descriptors permits.`,
    'Memory is that of the process; what the kernel holds for an epoll registration is not in it.',
  ],
});
