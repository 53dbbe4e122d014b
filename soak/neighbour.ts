import {
  closeSync,
  fstatSync,
  readFileSync,
  readlinkSync,
  writeSync,
} from 'node:fs';
import koffi from 'koffi';
import { close, Kqueue, kevent } from 'kqueue-ffi';
import { pipe } from './pipe.js';
import { newId, pause, type Scenario, type Setting } from './scenario.js';
import type { Mark } from './shared-queue.js';
import { running } from './threads.js';

// Careless code in the same process. It closes and replaces descriptors that are
// not its own: those of queues, and the library's own inside them. It replaces a
// number in one step, because another thread could get a free one.

const libc = koffi.load(null);
const dup = libc.func('dup', 'int', ['int']);
const dup2 = libc.func('dup2', 'int', ['int', 'int']);
const dupFrom = libc.func('fcntl', 'int', ['int', 'int', '...']);
const getLimit = libc.func('getrlimit', 'int', ['int', 'void *']);
const setLimit = libc.func('setrlimit', 'int', ['int', 'void *']);
const syscall = libc.func('syscall', 'long', ['long', '...']);
const F_DUPFD = 0;
/** The number of kcmp(2). */
const KCMP = process.arch === 'x64' ? 312 : 272;
const KCMP_EPOLL_TFD = 7;
const RLIMIT_NOFILE = 7;
/** Above the numbers that other parts of the test get. */
const HIGH = 600;

/** The descriptors of an epoll that are still the files it has. */
function membersOf(epoll: number): readonly number[] {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${epoll}`, 'latin1');
    return [...info.matchAll(/^tfd:\s*(\d+)/gm)]
      .map(([, fd]) => Number(fd))
      .filter((fd) => isIn(epoll, fd));
  } catch {
    return [];
  }
}

/** Whether a descriptor is still the file that an epoll has at its number. */
function isIn(epoll: number, fd: number): boolean {
  const { pid } = process;
  const slot = Uint32Array.of(epoll, fd, 0);
  const kinds = ['long', 'long', 'long', 'long', 'void *'];
  const given = [pid, pid, KCMP_EPOLL_TFD, fd, slot];
  return syscall(KCMP, ...given.flatMap((value, i) => [kinds[i], value])) === 0;
}

/**
 * Whether a descriptor can be closed without loss. The events of a closed
 * inotify are lost.
 */
function isPart(fd: number): boolean {
  try {
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    return /^anon_inode:\[(eventpoll|eventfd|timerfd)\]$/.test(path);
  } catch {
    return false;
  }
}

/** The descriptors inside a queue: in its epoll, and in the epolls in that. */
const partsOf = (kq: number): readonly number[] =>
  [kq, ...membersOf(kq)].flatMap(membersOf).filter(isPart);

const inodeOf = (fd: number): number => fstatSync(fd).ino;

/** Replace a descriptor by a pipe. Returns the inode of the pipe. */
function replace(fd: number): number {
  const [reader, writer] = pipe();
  dup2(reader, fd);
  closeSync(reader);
  closeSync(writer);
  return inodeOf(fd);
}

/** Trigger a user event of a shared queue, and wait until it is reported. */
async function seesTrigger(
  { shared, ledger }: Setting,
  trigger: (id: number) => void,
): Promise<void> {
  const id = newId();
  const seen = new Promise<void>((resolve) => {
    const udata: Mark = {
      what: 'a trigger near a neighbour',
      ended: undefined,
      handle: () => resolve(),
    };
    shared.kq.add({ filter: 'user', id, oneshot: true, udata });
  });
  trigger(id);
  await ledger.must(seen, 'a trigger near a neighbour');
}

/** The shared queues lose nothing if descriptors inside them are replaced. */
const takesParts: Scenario = async (setting) => {
  const { shared, ledger, random } = setting;
  const parts = partsOf(shared.kq.fd);
  if (parts.length === 0) return;
  const part = random.pick(parts);
  // It stays open for a while, as a duplicate.
  const moved = random.chance(0.3) ? dupFrom(part, F_DUPFD, 'int', HIGH) : -1;
  const inode = replace(part);
  await seesTrigger(setting, (id) => shared.kq.trigger(id));
  if (moved >= 0) closeSync(moved);
  await seesTrigger(setting, (id) => shared.kq.trigger(id));
  ledger.check(inodeOf(part) === inode, () => `${part} was closed`);
  closeSync(part);
  ledger.count('neighbour: parts taken');
};

/** A shared queue is used by a duplicate, and moved to it and back. */
const usesDups: Scenario = async (setting) => {
  const { shared, ledger, random } = setting;
  const { fd } = shared.kq;
  const other = dup(fd);
  if (random.chance(0.5)) kevent(other, null, null);
  await seesTrigger(setting, (id) => shared.kq.trigger(id));
  if (random.chance(0.5) && !shared.kq.closed) {
    // Its number is another file for a moment, and then the queue again.
    replace(fd);
    dup2(other, fd);
    await seesTrigger(setting, (id) => shared.kq.trigger(id));
  }
  if (random.chance(0.5)) closeSync(other);
  else close(other);
  await seesTrigger(setting, (id) => shared.kq.trigger(id));
  ledger.count('neighbour: dups');
};

/** The waits on a queue whose number is now another file end. */
const takesQueue: Scenario = async ({ ledger, random }) => {
  const kq = new Kqueue();
  const [reader, writer] = pipe();
  kq.add({ filter: 'read', fd: reader }, { filter: 'timer', id: 1, every: 50 });
  const isOver = kq.next().then(
    () => {},
    (error) => {
      ledger.check(error.code === 'EBADF', () => `a lost queue: ${error}`);
    },
  );
  if (random.chance(0.5)) await pause(random.int(0, 3));
  const { fd } = kq;
  const inode = replace(fd);
  if (random.chance(0.5)) await pause(random.int(0, 30));
  kq.close();
  await ledger.must(isOver, 'the wait of a queue whose number was taken');
  ledger.check(inodeOf(fd) === inode, () => `${fd} was closed`);
  for (const end of [fd, reader, writer]) closeSync(end);
  ledger.count('neighbour: queues taken');
};

/** The number of a pipe is now another pipe: its registration is gone. */
const takesPipe: Scenario = async (setting) => {
  const { shared, ledger } = setting;
  const [reader, writer] = pipe();
  const [next, nextWriter] = pipe();
  const mark: Mark = {
    what: `a pipe of a neighbour, ${reader}`,
    ended: undefined,
    handle: () => ledger.violated(`${mark.what}: an event of another pipe`),
  };
  shared.kq.add({ filter: 'read', fd: reader, udata: mark });
  dup2(next, reader);
  shared.lose(mark);
  writeSync(nextWriter, 'x');
  await seesTrigger(setting, (id) => shared.kq.trigger(id));
  for (const fd of [reader, writer, next, nextWriter]) closeSync(fd);
  ledger.count('neighbour: pipes taken');
};

/** Without free descriptors a refused change changes nothing. */
const refuses: Scenario = async (setting) => {
  const { shared, ledger } = setting;
  // The limit would hold for the threads too.
  if (running.threads > 0) return;
  const limits = Buffer.alloc(16);
  getLimit(RLIMIT_NOFILE, limits);
  const soft = limits.readBigUInt64LE(0);
  const [reader, writer] = pipe();
  const udata: Mark = { what: 'refused', ended: undefined, handle: () => {} };
  const size = shared.kq.size;
  limits.writeBigUInt64LE(3n, 0);
  setLimit(RLIMIT_NOFILE, limits);
  let codes: (string | undefined)[];
  try {
    codes = shared.kq
      .apply([
        { filter: 'vnode', fd: reader, notes: 'write', udata },
        { filter: 'proc', pid: process.ppid, notes: 'exit', udata },
        { op: 'delete', filter: 'proc', pid: process.ppid },
      ])
      .map(({ error }) => error?.code);
  } finally {
    limits.writeBigUInt64LE(soft, 0);
    setLimit(RLIMIT_NOFILE, limits);
  }
  ledger.check(
    codes.join() === 'EINVAL,EMFILE,ENOENT' && shared.kq.size === size,
    () => `without descriptors: ${codes.join()}`,
  );
  for (const fd of [reader, writer]) closeSync(fd);
  await seesTrigger(setting, (id) => shared.kq.trigger(id));
  ledger.count('neighbour: refusals');
};

/** A test runner replaces timers and callbacks while events arrive. */
const fakes: Scenario = async (setting) => {
  const { shared, ledger } = setting;
  const names = ['setTimeout', 'setImmediate', 'queueMicrotask'] as const;
  const real = names.map((name) => globalThis[name]);
  await seesTrigger(setting, (id) => {
    for (const name of names) Reflect.set(globalThis, name, () => 0);
    try {
      shared.kq.trigger(id);
    } finally {
      for (const [i, name] of names.entries()) {
        Reflect.set(globalThis, name, real[i]);
      }
    }
  });
  ledger.count('neighbour: fake clocks');
};

/** All listeners of a signal that a queue counts are removed. */
const removesListeners: Scenario = async ({ ledger }) => {
  using kq = new Kqueue();
  kq.add({ filter: 'signal', signal: 'SIGWINCH' });
  process.removeAllListeners('SIGWINCH');
  process.kill(process.pid, 'SIGWINCH');
  await ledger.must(kq.next(), 'a signal without listeners');
  ledger.count('neighbour: listeners removed');
};

export const neighbour: Scenario = (setting) =>
  setting.random.pick([
    takesParts,
    takesParts,
    usesDups,
    takesQueue,
    takesPipe,
    refuses,
    fakes,
    removesListeners,
  ])(setting);
