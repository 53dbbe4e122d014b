/**
 * Linux as it is without this library: what the built-in kqueue does, called
 * directly and with nothing around it.
 */
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load(null);
const int = 'int';
const address = 'uintptr_t';
const bind = (name: string, result: string, parameters: string[]) =>
  libc.func(name, result, parameters) as (...args: number[]) => number;

const pipe2 = bind('pipe2', int, [address, int]);
const socketpair = bind('socketpair', int, [int, int, int, address]);
const write = bind('write', 'intptr_t', [int, address, 'size_t']);
const read = bind('read', 'intptr_t', [int, address, 'size_t']);
const ioctl = bind('ioctl', int, [int, address, address]);
const eventfd = bind('eventfd', int, ['uint', int]);
const epollCreate = bind('epoll_create1', int, [int]);
const epollCtl = bind('epoll_ctl', int, [int, int, int, address]);
const epollWait = bind('epoll_wait', int, [int, address, int, int]);

const CLOEXEC = 0x80000;
const NONBLOCK = 0x800;
const FIONREAD = 0x541b;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const AF_UNIX = 1;
const SOCK_STREAM = 1;

/** Bytes of a struct epoll_event: packed on x86-64. */
const STRIDE = process.arch === 'x64' ? 12 : 16;
const DATA = process.arch === 'x64' ? 4 : 8;
const MOST = 1024;

const memory = new ArrayBuffer(64 + MOST * STRIDE);
const at = Number(koffi.address(memory));
const words = new Int32Array(memory);
const EVENTS = 64;

const made: number[] = [];

function pair(result: number): [number, number] {
  if (result < 0) throw new Error('there are not enough descriptors');
  made.push(words[0], words[1]);
  return [words[0], words[1]];
}

/** A pipe: its read end and its write end. */
export const makePipe = (): [number, number] => pair(pipe2(at, CLOEXEC));

/** Two connected sockets. */
export const makeSockets = (): [number, number] =>
  pair(socketpair(AF_UNIX, SOCK_STREAM | CLOEXEC, 0, at));

/** Put some bytes in. */
export function fill(fd: number, bytes: number): void {
  write(fd, at, bytes);
}

/** An epoll that watches descriptors for input. */
export function makeEpoll(fds: readonly number[]): number {
  const ep = epollCreate(CLOEXEC);
  made.push(ep);
  const event = new DataView(memory);
  for (const fd of fds) {
    event.setUint32(0, EPOLLIN, true);
    event.setInt32(DATA, fd, true);
    if (epollCtl(ep, EPOLL_CTL_ADD, fd, at) < 0) throw new Error('epoll_ctl');
  }
  return ep;
}

/** What is ready now: how many. */
export const poll = (ep: number, most: number): number =>
  epollWait(ep, at + EVENTS, most, 0);

/** What is ready now, and how many bytes each has: their sum. */
export function harvest(ep: number, most: number): number {
  const count = poll(ep, most);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const fd = words[(EVENTS + i * STRIDE + DATA) >> 2];
    if (ioctl(fd, FIONREAD, at) < 0) throw new Error('ioctl');
    sum += words[0] + fd;
  }
  return sum;
}

/** Something to wake up an epoll with, and to put to sleep again. */
export class Waker {
  readonly fd = eventfd(0, CLOEXEC | NONBLOCK);

  constructor() {
    made.push(this.fd);
  }

  wake(): void {
    words[0] = 1;
    words[1] = 0;
    write(this.fd, at, 8);
  }

  clear(): void {
    read(this.fd, at, 8);
  }
}

/** How many descriptors this process may still open. */
export function descriptorsLeft(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  return Number(soft ?? 256) - 64;
}

const closeFd = bind('close', int, [int]);

/** Close all that was made here. */
export function closeAll(): void {
  for (const fd of made.splice(0)) closeFd(fd);
}
