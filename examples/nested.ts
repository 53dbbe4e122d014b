/**
 * Nested queues: a queue is a descriptor, so a queue can watch queues. The
 * outer queue reports which of two inner ones has events, and the program
 * empties the urgent one first.
 */
import { Kqueue } from 'kqueue-ffi';

const urgent = new Kqueue<string>();
const bulk = new Kqueue<string>();
for (let id = 1; id <= 3; id++) {
  urgent.add({ filter: 'user', id, udata: `urgent ${id}` });
  bulk.add({ filter: 'user', id, udata: `bulk ${id}` });
}

const outer = new Kqueue<Kqueue<string>>();
outer.add(
  { filter: 'read', fd: urgent, udata: urgent },
  { filter: 'read', fd: bulk, udata: bulk },
);

for (let id = 1; id <= 3; id++) bulk.trigger(id);
urgent.trigger(1);

let left = 6;
while (left > 0) {
  const events = await outer.next({ timeout: 1000 });
  if (events === undefined) throw new Error('nothing came for a second');
  // Urgent events come first, then one of the others.
  const ready = urgent.poll();
  if (ready.length === 0) ready.push(...bulk.poll({ max: 1 }));
  for (const { udata } of ready) {
    console.log(udata);
    left -= 1;
    if (udata === 'bulk 1') urgent.trigger(2);
    if (udata === 'bulk 2') urgent.trigger(3);
  }
}

for (const kq of [outer, urgent, bulk]) kq.close();
