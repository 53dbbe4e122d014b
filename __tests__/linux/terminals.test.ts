// Both sides of a terminal, while the other is open and after it has closed.
import {
  EV_ADD,
  EV_EOF,
  EVFILT_READ,
  EVFILT_WRITE,
  KeventList,
  kevent,
} from '../../src/index.js';
import * as libc from '../conformance/libc.js';
import { close, isolate, kqueue, terminal } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

isolate();

const SOON = 5000;
const END = EV_ADD | EV_EOF;
const list = new KeventList(4);

const add = (kq: number, ident: number, filter: number): number =>
  kevent(kq, [{ ident, filter, flags: EV_ADD }], null);

function collect(kq: number) {
  kevent(kq, null, list, SOON);
  return [...list].map(({ flags, data }) => ({ flags, data }));
}

onLinux('WRITE reports EOF on each side once the other has closed', () => {
  for (const side of ['master', 'slave'] as const) {
    const kq = kqueue();
    const sides = terminal();
    add(kq, sides[side], EVFILT_WRITE);
    expect(collect(kq)).toEqual([{ flags: EV_ADD, data: 1 }]);
    close(sides[side === 'master' ? 'slave' : 'master']);
    expect(collect(kq)).toMatchObject([{ flags: END }]);
  }
});

onLinux(
  'READ of the master reports what the slave wrote before it closed',
  () => {
    const kq = kqueue();
    const { master, slave } = terminal();
    add(kq, master, EVFILT_READ);
    libc.writeText(slave, 'bye');
    close(slave);
    expect(libc.poll(master, libc.POLLHUP, SOON)).toBe(libc.POLLHUP);
    for (let i = 0; i < 2; i++) {
      expect(collect(kq)).toEqual([{ flags: END, data: 3 }]);
    }
  },
);

onLinux('the slave is writable until the master has too much to read', () => {
  const kq = kqueue();
  const { master, slave } = terminal();
  add(kq, slave, EVFILT_WRITE);
  expect(collect(kq)).toHaveLength(1);
  const ROUNDS = 1000;
  let isFull = false;
  for (let i = 0; i < ROUNDS && !isFull; i++) {
    for (const block of [1024, 1]) libc.fill(slave, block);
    // A worker of the system passes bytes on meanwhile, which makes space again.
    isFull = kevent(kq, null, list, 0) === 0;
  }
  expect(isFull).toBe(true);
  libc.drain(master);
  expect(collect(kq)).toHaveLength(1);
});
