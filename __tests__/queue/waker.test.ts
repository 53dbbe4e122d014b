import {
  closeSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { Kqueue, type WakerHandle, wake } from '../../src/index.js';
import {
  close as closeFd,
  dup,
  socketpair,
  write,
} from '../conformance/libc.js';
import { printedBy, printedByLine, together } from '../support/child.js';
import { onLinux, openCount } from '../support/fds.js';

const programs = together('queue/wakers', ['between', 'ended']);

let kq: Kqueue<string>;

beforeEach(() => {
  kq = new Kqueue();
});

afterEach(() => kq.close());

const pending = (): unknown[] => kq.poll().map(({ udata }) => udata);

test('several wakes are one event until it is consumed', () => {
  const waker = kq.waker(5, 'five');
  expect([waker.wake(), waker.wake(), wake(waker.handle)]).toEqual([
    true,
    true,
    true,
  ]);
  const [event, ...more] = kq.poll();
  expect(event).toMatchObject({ filter: 'user', id: 5, udata: 'five' });
  expect(more).toEqual([]);
  expect(pending()).toEqual([]);
  wake(waker.handle);
  expect(pending()).toEqual(['five']);
});

test('a handle wakes an asynchronous wait', async () => {
  const waker = kq.waker(2 ** 52, 'wide');
  const wait = kq.next();
  wake(structuredClone(waker.handle));
  expect(await wait).toMatchObject({ id: 2 ** 52, udata: 'wide' });
});

test('wakers get unused idents by default', () => {
  const all = [kq.waker(), kq.waker(undefined, 'x'), kq.waker()];
  expect(new Set(all.map(({ id }) => id)).size).toBe(3);
  wake(all[1].handle);
  expect(pending()).toEqual(['x']);
});

test('waking a disabled or deleted registration behaves like any other trigger', () => {
  const waker = kq.waker(5, 'five');
  const { handle } = waker;
  kq.disable({ filter: 'user', id: 5 });
  wake(handle);
  expect(pending()).toEqual([]);
  kq.enable({ filter: 'user', id: 5 });
  expect(pending()).toEqual(['five']);
  kq.delete({ filter: 'user', id: 5 });
  wake(handle);
  expect(waker.wake()).toBe(false);
  expect(pending()).toEqual([]);
  kq.add({ filter: 'user', id: 5, udata: 'again' });
  wake(handle);
  expect(pending()).toEqual(['again']);
});

test('a closed waker wakes nothing, leaks nothing, and may be closed twice', () => {
  const before = openCount();
  const waker = kq.waker(5);
  waker.wake();
  waker.close();
  waker[Symbol.dispose]();
  expect(openCount()).toBe(before);
  expect([waker.closed, waker.wake(), wake(waker.handle)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(pending()).toEqual([]);
  expect(kq.size).toBe(0);
});

test('closing a queue closes its wakers', () => {
  const waker = kq.waker();
  kq.close();
  expect(waker.closed).toBe(true);
  expect([waker.wake(), wake(waker.handle)]).toEqual([false, false]);
  waker.close();
  expect(() => kq.waker()).toThrow(
    expect.objectContaining({ code: 'ERR_KQUEUE_CLOSED' }),
  );
});

onLinux('a queue that other code closes leaves no waker open', () => {
  const before = openCount();
  const lost = new Kqueue();
  lost.waker();
  closeSync(lost.fd);
  expect(() => lost.poll()).toThrow('EBADF');
  lost.close();
  expect(openCount()).toBe(before);
});

const handleOf = (words: unknown): unknown => ({ words });

test('rejects an object that is not a handle', () => {
  const words = new Int32Array(new SharedArrayBuffer(36));
  const real = kq.waker().handle.words;
  // Memory that no other thread shares, and too little of it.
  const copy = Int32Array.from(real);
  const part = new Int32Array(real.buffer, 0, 8);
  for (const wrong of [null, 5, {}, ...[5, words, copy, part].map(handleOf)]) {
    expect(() => wake(wrong as WakerHandle)).toThrow(
      /^Cannot wake a queue as 'handle' must be the handle of a waker/,
    );
  }
  expect(() => kq.waker('one' as never)).toThrow(TypeError);
});

onLinux('loses no wake if other code closes the eventfd', async () => {
  const { handle } = kq.waker(5, 'five');
  wake(handle);
  closeFd(handle.words[2]);
  expect(await kq.next({ timeout: 10_000 })).toMatchObject({ udata: 'five' });
  closeFd(handle.words[2]);
  expect(wake(handle)).toBe(false);
  // Idle queues are checked every 64 calls.
  const events: unknown[] = [];
  for (let i = 0; i < 64; i++) events.push(...pending());
  expect(events).toEqual(['five']);
  expect(wake(handle)).toBe(true);
  expect(pending()).toEqual(['five']);
});

onLinux('reports wakes and other events in the order they happened', () => {
  const { handle } = kq.waker(5, 'wake');
  const pairs = [socketpair(), socketpair()];
  for (const [i, [fd]] of pairs.entries()) {
    kq.add({ filter: 'read', fd, clear: true, udata: `socket ${i}` });
  }
  const acts: Readonly<Record<string, () => unknown>> = {
    wake: () => wake(handle),
    'socket 0': () => write(pairs[0][1], 1),
    'socket 1': () => write(pairs[1][1], 1),
  };
  for (const order of [
    ['socket 0', 'wake', 'socket 1'],
    ['socket 1', 'socket 0', 'wake'],
    ['wake', 'socket 1', 'socket 0'],
  ]) {
    for (const name of order) acts[name]();
    expect(pending()).toEqual(order);
  }
  for (const fd of pairs.flat()) closeFd(fd);
});

onLinux('reports a wake at once although its eventfd was moved', () => {
  const { handle } = kq.waker(5, 'five');
  wake(handle);
  const fd = handle.words[2];
  const moved = dup(fd);
  closeFd(fd);
  expect(pending()).toEqual(['five']);
  expect(wake(handle)).toBe(true);
  expect(pending()).toEqual(['five']);
  closeFd(moved);
});

onLinux('reopens the eventfds of all wakers that are open', () => {
  const wakers = [1, 2, 3, 4].map((id) => kq.waker(id, `${id}`));
  const [first, ...others] = wakers;
  first.close();
  for (let round = 0; round < 2; round++) {
    for (const { handle } of others) closeFd(handle.words[2]);
    // An idle queue checks its parts every 64 calls.
    for (let i = 0; i < 64; i++) expect(pending()).toEqual([]);
    expect(others.map(({ handle }) => wake(handle))).toEqual([
      true,
      true,
      true,
    ]);
    expect(pending()).toEqual(['2', '3', '4']);
  }
  expect(wake(first.handle)).toBe(false);
});

onLinux('opens nothing for a waker that is closed', () => {
  const all = [kq.waker(), kq.waker()];
  all[1].close();
  const before = openCount();
  for (let i = 0; i < 130; i++) expect(pending()).toEqual([]);
  expect(openCount()).toBe(before);
});

onLinux('a wake does not write to an eventfd of other code', () => {
  const { handle } = kq.waker(5, 'five');
  const fd = handle.words[2];
  closeFd(fd);
  // It also gets the kernel's id of the one that was closed.
  const eventfd = koffi.load(null).func('eventfd', 'int', ['uint', 'int']);
  expect(eventfd(0, 0)).toBe(fd);
  expect(wake(handle)).toBe(false);
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  expect(info).toMatch(/^eventfd-count: +0$/m);
  closeFd(fd);
});

test('threads wake other threads, even a blocked one', async () => {
  expect(await programs.printedBy('between')).toEqual([
    ['woken', 'user', 7],
    false,
    true,
    ['from outside'],
    false,
  ]);
});

onLinux(
  'a wake does not write to a file that reuses the descriptor of an eventfd',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
    const path = join(folder, 'file');
    writeFileSync(path, 'untouched');
    const args = [path];
    expect(await printedBy('queue/wakers', 'recycled', { args })).toEqual([
      true,
      false,
      'untouched',
    ]);
    rmSync(folder, { recursive: true });
  },
);

test('a waker whose descriptor is 0 wakes, as after a close of stdin', async () => {
  const line = `
    const kq = new api.Kqueue();
    require('node:fs').closeSync(0);
    const waker = kq.waker();
    print([api.wake(waker.handle), kq.poll().length]);
    kq.close();
  `;
  expect(await printedByLine(line)).toEqual([[true, 1]]);
});

test('terminating a thread while it wakes is harmless', async () => {
  expect(await programs.printedBy('ended')).toEqual(['user', 'alive']);
});
