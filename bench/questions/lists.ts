/**
 * The cost of a list of events itself, over a library that returns at once,
 * with typical idents and udata.
 */
import {
  EV_ADD,
  EVFILT_READ,
  type KeventInit,
  KeventList,
  kevent,
  kqueue,
} from 'kqueue-ffi';
import { garbage, here, measure, type Way } from '../measure.js';
import { type Goal, type Row, valueRow } from '../report.js';
import { answer, task } from '../task.js';
import { UDATA } from '../values.js';

const CHANGES = 1024;
const READ = 64;
/** Of 64 bits: a pointer, or a random number. */
const WIDE = 0xf1e2d3c4b5a69788n;

const changes = (udata: (i: number) => number | bigint): KeventInit[] =>
  Array.from({ length: CHANGES }, (_, i) => ({
    ident: 7 + i,
    filter: EVFILT_READ,
    flags: EV_ADD,
    fflags: 0,
    data: 0,
    udata: udata(i),
  }));

const numbers = changes((i) => UDATA + i);
const bigints = changes((i) => BigInt(UDATA + i));

/** Where all reading ends, so that it must be done. */
const kept = new Float64Array(1);
let sink: unknown;

const cases: { way: Way; run: (n: number) => void; goal: Goal }[] = [];

function addCase(
  name: string,
  units: number,
  most: number,
  run: (n: number) => void,
): void {
  cases.push({ way: here(name, run, units), run, goal: { most } });
}

function push(name: string, from: readonly KeventInit[], most: number): void {
  const list = new KeventList(CHANGES);
  addCase(`push, ${name}`, CHANGES, most, (n) => {
    for (let round = 0; round < n; round++) {
      list.clear();
      for (let i = 0; i < CHANGES; i++) list.push(from[i]);
    }
  });
}

push('udata a number of 38 bits', numbers, 15);
push('udata a bigint', bigints, 40);

const kq = kqueue();
addCase('kevent([objects]), udata a bigint', CHANGES, 40, (n) => {
  for (let i = 0; i < n; i++) kevent(kq, bigints, null);
});

function six(list: KeventList): number {
  let sum = 0;
  for (let i = 0; i < READ; i++) {
    sum += Number(list.ident(i)) + list.filter(i) + list.flags(i);
    sum += list.fflags(i) + Number(list.data(i)) + Number(list.udata(i));
  }
  return sum;
}

const narrow = KeventList.of(...numbers.slice(0, READ));
addCase('all six readers, udata of 38 bits', READ, 10, (n) => {
  for (let i = 0; i < n; i++) kept[0] += six(narrow);
});

const wide = KeventList.of(...changes(() => WIDE).slice(0, READ));
addCase('get(), udata of 64 bits', READ, 30, (n) => {
  for (let round = 0; round < n; round++) {
    for (let i = 0; i < READ; i++) sink = wide.get(i);
  }
});

const ways = Object.fromEntries(cases.map(({ way }) => [way.name, way]));
const times = await measure(ways, task);
const rows: Row[] = [];
for (const { way, run, goal } of cases) {
  const { name, units = 1 } = way;
  rows.push(valueRow(name, 'ns', times[name], goal));
  // get() has to return an object.
  if (name.startsWith('get')) continue;
  const bytes = garbage(() => run(1), task) / units;
  rows.push(
    valueRow(`${name}: garbage`, 'bytes', [Math.round(bytes)], { most: 0 }),
  );
}
if (sink === kept) throw new Error('unreachable');

answer({
  id: 'lists',
  title: 'Lists: writing changes and reading events, each',
  rows,
  notes: [
    'Over a library whose kevent returns at once. 1,024 changes; 64 events.',
  ],
});
