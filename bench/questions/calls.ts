/**
 * The calls through the FFI: over a kernel, a library, or the stand-in for
 * one. Against the same calls of the same library from C and from an addon.
 */
import {
  EV_ADD,
  EVFILT_USER,
  type KeventInit,
  KeventList,
  Kqueue,
  kernel,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue-ffi';
import { loadAddon } from '../addon.js';
import { here, measure, ratios, type Times, type Way } from '../measure.js';
import { inC, stopAll } from '../program.js';
import {
  type Goal,
  type Row,
  ratioRow,
  type Table,
  valueRow,
} from '../report.js';
import { answer, task, wants } from '../task.js';
import { FIRST_IDENT, UDATA } from '../values.js';

const { program, library } = task;
const addon = loadAddon();
/** The bytes of a struct kevent: only these are read directly here. */
const STRIDE = 32;
const isNarrow = !['freebsd', 'netbsd'].includes(kernel.abi);

/** The library returns at once, so only the overhead of the FFI remains. */
const alone = task.over === 'nothing';
const notes =
  task.over === 'stand-in'
    ? [
        'Over bench/native/stand-in.c: no kqueue, but a library that does about what one does.',
      ]
    : [`Over ${kernel.name}.`];

/** All ways there are to do one thing; ours is the one that is judged. */
interface Ways {
  readonly ours: Way;
  readonly c: Way | undefined;
  readonly integers?: Way | undefined;
  readonly objects?: Way | undefined;
}

interface Goals {
  readonly c?: Goal;
  readonly integers?: Goal;
  readonly objects?: Goal;
}

const c = (name: string, argument: number, units = 1): Way | undefined =>
  program === undefined
    ? undefined
    : inC(program, name, argument, units, library);

/** Rows of ours against each baseline, and the baselines. */
function rowsOf(
  ways: Ways,
  times: Readonly<Record<string, Times>>,
  goals: Goals,
): Row[] {
  const { ours: way } = ways;
  const { ours } = times;
  const rows: Row[] = [];
  const compared = (
    name: 'c' | 'integers' | 'objects',
    against: string,
  ): void => {
    if (ways[name] === undefined) return;
    const goal = goals[name];
    const faster = goal !== undefined && 'least' in goal;
    const ratio = faster
      ? ratios(times[name], ours)
      : ratios(ours, times[name]);
    const than = faster ? `faster than ${against}` : against;
    rows.push(ratioRow(way.name, 'ns', ours, than, ratio, goal));
  };
  compared('c', 'C');
  compared('integers', 'integer addon');
  compared('objects', 'object addon');
  if (rows.length === 0) rows.push(valueRow(way.name, 'ns', ours));
  for (const name of ['c', 'integers', 'objects'] as const) {
    const base = ways[name];
    if (base !== undefined) {
      rows.push(valueRow(`  ${base.name}`, 'ns', times[name]));
    }
  }
  return rows;
}

async function compare(ways: Ways, goals: Goals): Promise<Row[]> {
  const there = Object.entries(ways).filter(([, way]) => way !== undefined);
  return rowsOf(ways, await measure(Object.fromEntries(there), task), goals);
}

/** User events, as the C program has them. */
const records = (
  count: number,
  fields: Partial<KeventInit>,
): Required<Omit<KeventInit, 'ext'>>[] =>
  Array.from({ length: count }, (_, i) => ({
    ident: FIRST_IDENT + i,
    filter: EVFILT_USER,
    flags: 0,
    fflags: 0,
    data: 0,
    udata: UDATA + i,
    ...(fields as object),
  }));

/** A queue with as many user events, all triggered, which stay so. */
function readyQueue(count: number): number {
  const kq = kqueue();
  kevent(kq, records(count, { flags: EV_ADD }), null);
  kevent(kq, records(count, { fflags: NOTE_TRIGGER }), null);
  return kq;
}

const emptyList = new KeventList(64);

function empty(): Ways {
  const kq = kqueue();
  const memory = new ArrayBuffer(64 * STRIDE);
  return {
    ours: here(alone ? 'the binding alone' : 'kevent', (n) => {
      for (let i = 0; i < n; i++) kevent(kq, null, emptyList, 0);
    }),
    c: c('kevent-empty', 64),
    integers:
      addon &&
      here('integer addon', (n) => {
        addon.bind(memory, memory);
        for (let i = 0; i < n; i++) addon.call(kq, 0, 64);
      }),
    objects:
      addon &&
      here('object addon', (n) => {
        for (let i = 0; i < n; i++) addon.exchange(kq, null, 64);
      }),
  };
}

/**
 * The values read are summed up, so that the reads cannot be optimized away.
 */
const kept = new Float64Array(1);

function readList(list: KeventList, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += Number(list.ident(i)) + list.filter(i) + list.flags(i);
    sum += list.fflags(i) + Number(list.data(i)) + Number(list.udata(i));
  }
  return sum;
}

const mustBe = (count: number, expected: number): void => {
  if (count !== expected) throw new Error('some events are missing');
};

/** An addon that returns objects, whose six fields are read. */
function objectAddon(kq: number, count: number): Way | undefined {
  if (addon === undefined) return undefined;
  const run = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const events = addon.exchange(kq, null, count);
      mustBe(events.length, count);
      let sum = 0;
      for (const event of events) {
        sum += event.ident + event.filter + event.flags;
        sum += event.fflags + event.data + event.udata;
      }
      kept[0] += sum;
    }
  };
  return here('object addon', run, count);
}

/** An addon that leaves integers in memory; six fields are read. */
function integerAddon(kq: number, count: number): Way | undefined {
  if (addon === undefined || !isNarrow) return undefined;
  const memory = new ArrayBuffer(count * STRIDE);
  const i32 = new Int32Array(memory);
  const u32 = new Uint32Array(memory);
  const wide = (at: number): number =>
    i32[at + 1] === 0 ? u32[at] : i32[at + 1] * 2 ** 32 + u32[at];
  const run = (n: number): void => {
    addon.bind(memory, memory);
    for (let i = 0; i < n; i++) {
      const found = addon.call(kq, 0, count);
      mustBe(found, count);
      let sum = 0;
      for (let j = 0; j < found; j++) {
        const at = j * (STRIDE / 4);
        const both = i32[at + 2];
        sum += wide(at) + ((both << 16) >> 16) + (both >>> 16);
        sum += u32[at + 3] + wide(at + 4) + wide(at + 6);
      }
      kept[0] += sum;
    }
  };
  return here('integer addon', run, count);
}

function harvest(count: number): Ways {
  const kq = readyQueue(count);
  const list = new KeventList(count);
  const run = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const found = kevent(kq, null, list, 0);
      mustBe(found, count);
      kept[0] += readList(list, found);
    }
  };
  return {
    ours: here(`${count} ready, fields of the list`, run, count),
    c: c('kevent-harvest', count, count),
    integers: integerAddon(kq, count),
    objects: objectAddon(kq, count),
  };
}

/** Objects of a list, as kevent(2) has them. */
function listObjects(count: number): Ways {
  const kq = readyQueue(count);
  const list = new KeventList(count);
  const run = (n: number): void => {
    for (let i = 0; i < n; i++) {
      mustBe(kevent(kq, null, list, 0), count);
      let sum = 0;
      for (const event of list) {
        sum += Number(event.ident) + event.filter + event.flags;
        sum += event.fflags + Number(event.data);
        if (event.udata !== 0n) sum++;
      }
      kept[0] += sum;
    }
  };
  return {
    ours: here(`${count} ready, objects of the list`, run, count),
    c: c('kevent-harvest', count, count),
    objects: objectAddon(kq, count),
  };
}

/** Queues that are still measured. */
const opened: Kqueue<number>[] = [];

/** Typed events, by filter and with their values. */
function typedEvents(count: number): Ways {
  const kq = new Kqueue<number>();
  opened.push(kq);
  for (let id = 1; id <= count; id++) {
    kq.add({ filter: 'user', id, clear: false, udata: id });
    kq.trigger(id);
  }
  const options = { max: count };
  const run = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const events = kq.poll(options);
      mustBe(events.length, count);
      let sum = 0;
      for (const event of events) {
        if (event.filter !== 'user') continue;
        sum += Number(event.id) + event.fflags + event.udata;
      }
      kept[0] += sum;
    }
  };
  return {
    ours: here(`${count} ready, typed events of Kqueue`, run, count),
    c: c('kevent-harvest', count, count),
    objects: objectAddon(readyQueue(count), count),
  };
}

const CHANGES = 1024;

function listChanges(): Ways {
  const kq = kqueue();
  const list = KeventList.of(...records(CHANGES, { flags: EV_ADD }));
  const run = (n: number): void => {
    for (let i = 0; i < n; i++) kevent(kq, list, null);
  };
  return {
    ours: here('from a KeventList, per change', run, CHANGES),
    c: c('kevent-change', CHANGES, CHANGES),
  };
}

function objectChanges(): Ways {
  const kq = kqueue();
  const changes = records(CHANGES, { flags: EV_ADD });
  const run = (n: number): void => {
    for (let i = 0; i < n; i++) kevent(kq, changes, null);
  };
  const inAddon = (n: number): void => {
    for (let i = 0; i < n; i++) addon?.exchange(kq, changes, 0);
  };
  return {
    ours: here('encoded from objects, per change', run, CHANGES),
    c: c('kevent-set-change', CHANGES, CHANGES),
    objects: addon && here('object addon', inAddon, CHANGES),
  };
}

const tables: Table[] = [];

if (wants('empty')) {
  const goals = {
    c: { most: 1.35 },
    integers: { most: 1.1 },
    objects: { most: 1 },
  };
  const aloneGoals = { integers: { most: 1.6 } };
  tables.push({
    id: 'empty',
    title: 'kevent that finds nothing, through the FFI',
    rows: await compare(empty(), alone ? aloneGoals : goals),
    notes: alone
      ? ['The binding alone: over a library whose kevent returns at once.']
      : notes,
  });
}

if (wants('harvest')) {
  const goals = { c: { most: 1.08 } };
  tables.push({
    id: 'harvest',
    title: 'Collecting ready events, all six fields read from the list',
    rows: [
      ...(await compare(harvest(64), goals)),
      ...(await compare(harvest(512), goals)),
    ],
    notes: [...notes, 'Per event.'],
  });
}

if (wants('objects')) {
  const goals: Goals = { c: { most: 1.35 }, objects: { least: 7 } };
  const rows: Row[] = [];
  for (const count of [64, 512]) {
    rows.push(...(await compare(listObjects(count), goals)));
    rows.push(...(await compare(typedEvents(count), goals)));
  }
  tables.push({
    id: 'objects',
    title: 'Collecting ready events as objects',
    rows,
    notes: [
      ...notes,
      'Per event. C and the addon read six fields; the addon makes an object with six fields.',
      'A typed event has the value of its registration, and with `raw` all six fields.',
    ],
  });
}

if (wants('changes')) {
  const rows = await compare(listChanges(), { c: { most: 1.05 } });
  rows.push(...(await compare(objectChanges(), { c: { most: 1.3 } })));
  tables.push({
    id: 'changes',
    title: '1024 changes in one call',
    rows,
    notes: [
      ...notes,
      'Registrations that exist already are made again: the cheapest change there is. In C, "encoded" is EV_SET of each.',
    ],
  });
}

for (const kq of opened) kq.close();
stopAll();
answer(...tables);
