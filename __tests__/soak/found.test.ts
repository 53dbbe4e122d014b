// Defects that the soak test found. Each needed many things at the same time.
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdtempSync,
  openSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeventList, Kqueue, type KqueueEvent } from '../../src/index.js';
import { onLinux } from '../support/fds.js';

const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
afterAll(() => rmSync(folder, { recursive: true }));

const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));

const notesOf = (events: KqueueEvent[]): unknown[] =>
  events.map((event) => event.filter === 'vnode' && event.notes.join());

onLinux(
  'a file that gets the inode and the number of one that is gone is its own',
  () => {
    using kq = new Kqueue<number>();
    let first = -1;
    for (let i = 0; i < 5; i++) {
      const path = join(folder, `file${i}`);
      writeFileSync(path, '');
      const fd = openSync(path, 'r');
      if (first < 0) first = fd;
      // The queue does not notice the close below.
      expect(fd).toBe(first);
      kq.add({ filter: 'vnode', fd, notes: ['attrib', 'delete'], udata: i });
      chmodSync(path, 0o600 + i);
      const events = kq.wait({ timeout: 5000 });
      expect(notesOf(events)).toEqual(['attrib']);
      expect(events[0].udata).toBe(i);
      unlinkSync(path);
      closeSync(fd);
    }
  },
);

onLinux(
  'a file whose last name is removed while it is open is still watched',
  () => {
    using kq = new Kqueue();
    const path = join(folder, 'name');
    writeFileSync(path, 'text');
    linkSync(path, `${path}2`);
    const fd = openSync(path, 'r+');
    kq.add({ filter: 'vnode', fd, notes: ['write', 'delete'] });
    unlinkSync(path);
    expect(notesOf(kq.wait({ timeout: 5000 }))).toEqual(['delete,link']);
    unlinkSync(`${path}2`);
    expect(notesOf(kq.wait({ timeout: 5000 }))).toEqual(['delete,link']);
    writeSync(fd, 'more', 0);
    expect(notesOf(kq.wait({ timeout: 5000 }))).toEqual(['write']);
    kq.delete({ filter: 'vnode', fd });
    closeSync(fd);
  },
);

onLinux(
  'a signal right after its registration was renewed is counted',
  async () => {
    const key = { filter: 'signal', signal: 'SIGUSR2' } as const;
    for (let i = 0; i < 20; i++) {
      await turn();
      using first = new Kqueue();
      first.add(key);
      process.kill(process.pid, 'SIGUSR2');
      // It is counted before the event loop has seen it.
      expect(first.wait({ timeout: 5000 })).toMatchObject([{ count: 1 }]);
      first.delete(key);
      using second = new Kqueue();
      second.add(key);
      process.kill(process.pid, 'SIGUSR2');
      // Now the event loop sees both, before the queue polls.
      await turn();
      expect(second.wait({ timeout: 5000 })).toMatchObject([{ count: 1 }]);
      expect(second.poll()).toEqual([]);
    }
  },
);

test('fill gives the value of a one-shot that another consumer collected', async () => {
  using kq = new Kqueue<string>();
  const list = new KeventList(4);
  kq.add(
    { filter: 'user', id: 1, udata: 'first' },
    { filter: 'user', id: 2, oneshot: true, udata: 'second' },
  );
  kq.trigger(1);
  kq.trigger(2);
  // The loop collects both and takes one.
  for await (const { udata } of kq) {
    expect(udata).toBe('first');
    break;
  }
  expect(kq.fill(list, 0)).toBe(1);
  expect(kq.udataOf(list, 0)).toBe('second');
  expect(kq.fill(list, 0)).toBe(0);
  expect(kq.size).toBe(1);
});

test('a one-shot timer has expired once, however late it is collected', () => {
  using kq = new Kqueue();
  kq.add(
    { filter: 'timer', id: 1, after: 1 },
    { filter: 'timer', id: 2, after: 0 },
    { filter: 'timer', id: 3, every: 1, oneshot: true },
  );
  const late = performance.now() + 20;
  while (performance.now() < late);
  const events = kq.poll();
  expect(events).toHaveLength(3);
  for (const event of events) expect(event).toMatchObject({ count: 1 });
});
