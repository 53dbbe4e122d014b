/** The kqueue built in on Linux against epoll, driven from C. */
import {
  close,
  EV_ADD,
  EV_CLEAR,
  EVFILT_READ,
  EVFILT_USER,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue-ffi';
import { here, measure, ratios, type Way } from '../measure.js';
import { inC, stopAll } from '../program.js';
import {
  type Goal,
  type Row,
  ratioRow,
  type Table,
  valueRow,
} from '../report.js';
import { closeAll, fill, makePipe, makeSockets } from '../system.js';
import { answer, task, wants } from '../task.js';
import { UDATA } from '../values.js';

const queues: number[] = [];

function queueWith(idents: readonly number[]): number {
  const kq = kqueue();
  queues.push(kq);
  const changes = idents.map((ident, i) => ({
    ident,
    filter: EVFILT_READ,
    flags: EV_ADD,
    udata: UDATA + i,
  }));
  kevent(kq, changes, null);
  return kq;
}

/** Nothing is ready: the cost of an idle event loop. */
function emptyPoll(idle: number): Way {
  const fds: number[] = [];
  while (fds.length < idle) fds.push(...makeSockets());
  fds.length = idle;
  const kq = queueWith(fds);
  const events = new KeventList(64);
  return here(`kevent, ${idle.toLocaleString('en-US')} idle`, (n) => {
    for (let i = 0; i < n; i++) kevent(kq, null, events, 0);
  });
}

/** Pipes are ready, level-triggered, and every field is read. */
function harvest(count: number): Way {
  const fds = Array.from({ length: count }, () => {
    const [reader, writer] = makePipe();
    fill(writer, 5);
    return reader;
  });
  const kq = queueWith(fds);
  const list = new KeventList(count);
  const run = (n: number): void => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const got = kevent(kq, null, list, 0);
      if (got !== count) throw new Error('some events are missing');
      for (let j = 0; j < got; j++) {
        sum += Number(list.ident(j)) + list.filter(j) + list.flags(j);
        sum += list.fflags(j) + Number(list.data(j)) + Number(list.udata(j));
      }
    }
    if (Number.isNaN(sum)) throw new Error('unreachable');
  };
  return here(`kevent, ${count} ready`, run, count);
}

/** A user event is triggered and collected. */
function userEvent(calls: 1 | 2): Way {
  const kq = kqueue();
  queues.push(kq);
  const user = { ident: 1, filter: EVFILT_USER };
  kevent(kq, [{ ...user, flags: EV_ADD | EV_CLEAR }], null);
  const trigger = KeventList.of({ ...user, fflags: NOTE_TRIGGER });
  const events = new KeventList(64);
  return here(`kevent, in ${calls === 1 ? 'one call' : 'two calls'}`, (n) => {
    for (let i = 0; i < n; i++) {
      if (calls === 2) kevent(kq, trigger, null);
      const count = kevent(kq, calls === 1 ? trigger : null, events, 0);
      if (count !== 1) throw new Error('no event');
    }
  });
}

const { program } = task;

/** A pair of ways: this library's, and the C program's. */
interface Pair {
  readonly way: Way;
  readonly c?: Way;
}

const pair = (way: Way, name: string, argument: number): Pair => ({
  way,
  ...(program && { c: inC(program, name, argument, way.units) }),
});

/** Measure pairs in the same rounds: their rows, and the times of each. */
async function rowsOf(pairs: readonly Pair[], goal?: Goal) {
  const ways: Record<string, Way> = {};
  pairs.forEach(({ way, c }, i) => {
    ways[`js${i}`] = way;
    if (c !== undefined) ways[`c${i}`] = c;
  });
  const times = await measure(ways, task);
  const rows = pairs.flatMap(({ way, c }, i): Row[] => {
    const ours = times[`js${i}`];
    const theirs = times[`c${i}`];
    if (c === undefined) return [valueRow(way.name, 'ns', ours)];
    const ratio = ratios(ours, theirs);
    return [
      ratioRow(way.name, 'ns', ours, 'C', ratio, goal),
      valueRow('  epoll in C', 'ns', theirs),
    ];
  });
  return { rows, times };
}

const tables: Table[] = [];

if (wants('linux-empty')) {
  const MANY = 10_000;
  const { rows, times } = await rowsOf(
    [1, MANY].map((idle) => pair(emptyPoll(idle), 'epoll-poll', idle)),
    { most: 1.6 },
  );
  rows.push(
    ratioRow(
      'kevent, 10,000 idle',
      'ns',
      times.js1,
      'kevent, 1 idle',
      ratios(times.js1, times.js0),
      { most: 1.1 },
    ),
  );
  tables.push({
    id: 'linux-empty',
    title: 'Linux: a poll that finds nothing',
    rows,
    notes: ['Idle sockets; in C it is epoll_wait with a timeout of 0.'],
  });
  closeAll();
}

if (wants('linux-harvest')) {
  const { rows } = await rowsOf([pair(harvest(64), 'epoll-promise', 64)], {
    most: 1.25,
  });
  const without = await rowsOf([pair(harvest(64), 'epoll-harvest', 64)]);
  tables.push({
    id: 'linux-harvest',
    title: 'Linux: collecting ready pipes, per event',
    rows: [
      ...rows,
      ...without.rows.map((row) => ({
        ...row,
        name: `${row.name}${row.ratio === undefined ? ' without the check' : ', to C without the check'}`,
      })),
    ],
    notes: [
      'All six fields are read. C makes the same system calls: epoll_wait, and for each event the check that the descriptor is the file that was registered, and FIONREAD.',
    ],
  });
}

if (wants('linux-user')) {
  const { rows } = await rowsOf(
    ([1, 2] as const).map((calls) =>
      pair(userEvent(calls), 'epoll-user', calls),
    ),
    { most: 1.3 },
  );
  tables.push({
    id: 'linux-user',
    title: 'Linux: a user event, triggered and collected',
    rows,
    notes: ['In C it is write to an eventfd, epoll_wait and read.'],
  });
}

for (const kq of queues.splice(0)) close(kq);
closeAll();
stopAll();
answer(...tables);
