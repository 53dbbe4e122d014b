/** Does a link between two queues cost more among many levels? Linux. */
import {
  close,
  EV_ADD,
  EVFILT_READ,
  EVFILT_USER,
  KeventList,
  kevent,
  kqueue,
  NOTE_TRIGGER,
} from 'kqueue-ffi';
import { here, measure, ratios, type Way } from '../measure.js';
import { ratioRow, valueRow } from '../report.js';
import { answer, task } from '../task.js';

const WIDTH = 6;
const events = new KeventList(WIDTH);
const user = { ident: 1, filter: EVFILT_USER };

const makeLevel = (): number[] => Array.from({ length: WIDTH }, () => kqueue());

/**
 * Each queue watches all queues of the level below. An event at the bottom
 * reaches the top.
 */
function climb(count: number): void {
  const levels = Array.from({ length: count }, makeLevel);
  for (let i = 1; i < count; i++) {
    for (const parent of levels[i]) {
      for (const ident of levels[i - 1]) {
        kevent(parent, [{ ident, filter: EVFILT_READ, flags: EV_ADD }], null);
      }
    }
  }
  const [bottom] = levels[0];
  kevent(bottom, [{ ...user, flags: EV_ADD }], null);
  kevent(bottom, [{ ...user, fflags: NOTE_TRIGGER }], null);
  const found = kevent(levels[count - 1][0], null, events, 0);
  if (found === 0) throw new Error('no event');
  for (const kq of levels.flat().reverse()) close(kq);
}

/** Levels of six queues, per link. */
const levels = (count: number): Way =>
  here(`${count} levels of ${WIDTH} queues, per link`, (n) => {
    for (let i = 0; i < n; i++) climb(count);
  });

const FEW = 2;
const MANY = 10;
const ways = { few: levels(FEW), many: levels(MANY) };
const times = await measure(ways, task);
const perLink = (nanos: readonly number[], count: number): number[] =>
  nanos.map((time) => time / (WIDTH * WIDTH * (count - 1)));
const few = perLink(times.few, FEW);
const many = perLink(times.many, MANY);

answer({
  id: 'nested',
  title: 'Linux: queues that watch all queues of the level below',
  rows: [
    valueRow(ways.few.name, 'ns', few),
    ratioRow(ways.many.name, 'ns', many, '2 levels', ratios(many, few), {
      most: 1.5,
    }),
  ],
  notes: [
    'Made, watched, triggered at the bottom, collected at the top, and closed.',
  ],
});
