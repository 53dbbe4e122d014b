// Descriptors as another program would see and use them.
import { readdirSync, readFileSync } from 'node:fs';
import koffi from 'koffi';
import { gate } from '../conformance/cases.js';

export const onLinux = gate(
  process.platform === 'linux',
  "the built-in kernel is Linux's",
);

/** How many descriptors this process has open. */
export const openCount = (): number => readdirSync('/proc/self/fd').length;

/** How many it may have; Node raises its own limit to this one. */
export function openLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const [, hard] = /^Max open files\s+\d+\s+(\d+)/m.exec(limits) ?? [];
  return Number(hard ?? 0);
}

const libc = koffi.load(null);
const epollCreate = libc.func('epoll_create1', 'int', ['int']);
const epollControl = libc.func('epoll_ctl', 'int', [
  'int',
  'int',
  'int',
  'uintptr_t',
]);
const epollWait = libc.func('epoll_wait', 'int', [
  'int',
  'uintptr_t',
  'int',
  'int',
]);
const memory = new ArrayBuffer(256);
const address = Number(koffi.address(memory));

const CLOEXEC = 0x80000;
const ADD = 1;
const IN = 1;
const EDGE = 1 << 31;

/** An epoll of somebody else's, who watches one descriptor. */
export function watch(fd: number, { edge = false } = {}): number {
  const ep: number = epollCreate(CLOEXEC);
  const event = new DataView(memory);
  event.setInt32(0, edge ? IN | EDGE : IN, true);
  if (epollControl(ep, ADD, fd, address) < 0) throw new Error('epoll_ctl');
  return ep;
}

/** Whether what it watches is ready, or becomes so in time. */
export const isReported = (ep: number, ms = 0): boolean =>
  epollWait(ep, address, 1, ms) === 1;
