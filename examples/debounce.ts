/**
 * A debounced timer: it handles a burst of events once, after a quiet period.
 * Adding the timer again restarts it.
 */
import { Kqueue } from 'kqueue-ffi';

const QUIET = { filter: 'timer', id: 1, after: 50 } as const;
const KEY = { filter: 'timer', id: 2, every: 5 } as const;

const kq = new Kqueue();
let typed = '';
let bursts = 0;

kq.add(KEY);
for await (const event of kq) {
  if (event.filter !== 'timer') continue;
  if (event.id === KEY.id) {
    // A key was pressed; after five of them the typist rests.
    typed += 'x';
    kq.add(QUIET);
    if (typed.length % 5 === 0) kq.delete(KEY);
  } else {
    console.log(`saved after ${typed.length} keys`);
    if (++bursts === 2) break;
    kq.add(KEY);
  }
}
kq.close();
