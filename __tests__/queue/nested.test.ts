// Queues that watch each other, through the typed queue.
import { Kqueue, type KqueueChangeError } from '../../src/index.js';
import { onLinux, openCount } from '../support/fds.js';

const watch = (above: Kqueue, below: Kqueue): void =>
  above.add({ filter: 'read', fd: below.fd });

onLinux('a refused replacement leaves the watch of a queue', () => {
  const [top, middle, other, bottom] = [0, 0, 0, 0].map(() => new Kqueue());
  watch(top, middle);
  // Now the queue in the middle rises above the one that watches it: rule B8.
  watch(other, bottom);
  watch(middle, bottom);
  watch(middle, other);
  const before = openCount();
  let error: unknown;
  try {
    top.add({ filter: 'read', fd: middle.fd, oneshot: true });
  } catch (thrown) {
    error = thrown;
  }
  expect((error as KqueueChangeError).code).toBe('EINVAL');
  expect(top.size).toBe(1);
  expect(openCount()).toBe(before);
  bottom.add({ filter: 'user', id: 1 });
  bottom.trigger(1);
  for (let i = 0; i < 2; i++) {
    expect(top.poll()).toMatchObject([{ filter: 'read', fd: middle.fd }]);
  }
  for (const kq of [top, middle, other, bottom]) kq.close();
});

onLinux('the watch of a queue is replaced, and wakes the queue above', () => {
  const [top, bottom] = [new Kqueue(), new Kqueue()];
  watch(top, bottom);
  const before = openCount();
  top.add({ filter: 'read', fd: bottom.fd, oneshot: true });
  expect(openCount()).toBe(before);
  bottom.add({ filter: 'user', id: 1 });
  bottom.trigger(1);
  expect(top.poll()).toMatchObject([{ filter: 'read', fd: bottom.fd }]);
  expect(top.poll()).toEqual([]);
  expect(bottom.poll()).toMatchObject([{ filter: 'user', id: 1 }]);
  for (const kq of [top, bottom]) kq.close();
});
