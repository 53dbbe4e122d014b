/** The kqueue built in on Linux, and libkqueue through this package. */
import { kqueueTasks } from '../kqueue-tasks.js';
import { here, measure, ratios, type Way } from '../measure.js';
import { startPeer } from '../peer.js';
import { type Goal, type Row, ratioRow, valueRow } from '../report.js';
import { answer, task } from '../task.js';

const { libkqueue } = task;
const peer = libkqueue === undefined ? undefined : startPeer(libkqueue);

const goals: Readonly<Record<string, Goal>> = {
  empty: { most: 1 },
  ready: { most: 1.2 },
  user: { most: 1 },
  user2: { most: 1 },
  pipe: { most: 1 },
  timer: { most: 1 },
};

const rows: Row[] = [];
for (const [id, { name, units, setUp }] of Object.entries(kqueueTasks)) {
  const ways: Record<string, Way> = { ours: here(name, setUp(), units) };
  if (peer !== undefined) ways.peer = peer.way(id, units);
  const { ours, peer: theirs } = await measure(ways, task);
  if (theirs === undefined) {
    rows.push(valueRow(name, 'ns', ours));
    continue;
  }
  const ratio = ratios(ours, theirs);
  rows.push(ratioRow(name, 'ns', ours, 'libkqueue', ratio, goals[id]));
  rows.push(valueRow('  libkqueue', 'ns', theirs));
}
peer?.stop();

answer({
  id: 'libkqueue',
  title: 'Linux: the built-in kqueue and libkqueue, both through this package',
  rows,
  notes: [
    'Pipes of a process, udata of 38 bits. Only the built-in one checks that a descriptor still is the file that was registered.',
  ],
});
