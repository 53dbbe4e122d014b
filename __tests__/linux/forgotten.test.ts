// A closed queue, and a closed part of an open one, leave no object in memory: a
// program may make millions of them.
import { closeSync, openSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { syscallsOf } from '../../src/calls/syscalls.js';
import { bindLibc } from '../../src/ffi/libc.js';
import {
  EV_ADD,
  EVFILT_READ,
  EVFILT_TIMER,
  EVFILT_WRITE,
} from '../../src/index.js';
import { LinuxKernel } from '../../src/linux/kernel.js';
import { WAKE_WORDS } from '../../src/memory/wake-words.js';
import { closeElsewhere, isolate, socketpair } from '../conformance/world.js';
import { onLinux } from '../support/fds.js';

isolate();

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

/** Whether an object is garbage-collected, now that nothing should hold it. */
async function isCollected(object: WeakRef<object>): Promise<boolean> {
  // The next call of any queue forgets those that were closed before.
  close(kqueue());
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    gc();
    if (object.deref() === undefined) return true;
  }
  return false;
}

let kernel: LinuxKernel;
beforeAll(() => {
  kernel = new LinuxKernel(bindLibc());
});
const { kqueue, kevent, close } = syscallsOf(() => kernel);

const read = (ident: number) => ({
  ident,
  filter: EVFILT_READ,
  flags: EV_ADD,
});
const newWords = () => new Int32Array(new SharedArrayBuffer(4 * WAKE_WORDS));

function queueOf(kq: number): WeakRef<object> {
  const queue = kernel.queueOf(kq);
  if (queue === undefined) throw new Error('no queue');
  return new WeakRef(queue);
}

/** A queue that has every kind of part. */
function usedQueue(): number {
  const kq = kqueue();
  const [a] = socketpair();
  const timer = { ident: 1, filter: EVFILT_TIMER, data: 3_600_000 };
  const write = { ...read(a), filter: EVFILT_WRITE };
  kevent(kq, [read(a), write, { ...timer, flags: EV_ADD }], null);
  kernel.openWaker(kq, newWords());
  return kq;
}

onLinux('a closed queue is forgotten', async () => {
  const kq = usedQueue();
  const queue = queueOf(kq);
  close(kq);
  // Otherwise the next queue has its number.
  const file = openSync('/dev/null', 'r');
  expect(file).toBe(kq);
  expect(await isCollected(queue)).toBe(true);
  closeSync(file);
});

onLinux('a lost queue is forgotten', async () => {
  const kq = usedQueue();
  const queue = queueOf(kq);
  closeElsewhere(kq);
  expect(() => kevent(kq, null, null)).toThrow('EBADF');
  expect(await isCollected(queue)).toBe(true);
});

onLinux('a closed queue is forgotten by one that it watched', async () => {
  const [parent, child] = [usedQueue(), usedQueue()];
  const queue = queueOf(parent);
  kevent(parent, [read(child)], null);
  close(parent);
  expect(await isCollected(queue)).toBe(true);
  close(child);
});

onLinux('a closed queue is forgotten by one that watched it', async () => {
  const [parent, child] = [usedQueue(), usedQueue()];
  const queue = queueOf(child);
  kevent(parent, [read(child)], null);
  close(child);
  expect(await isCollected(queue)).toBe(true);
  close(parent);
});

onLinux('a closed waker is forgotten by its queue', async () => {
  const kq = usedQueue();
  let words: Int32Array | undefined = newWords();
  kernel.openWaker(kq, words);
  kernel.closeWaker(kq, words);
  const memory = new WeakRef(words);
  words = undefined;
  expect(await isCollected(memory)).toBe(true);
  close(kq);
});
