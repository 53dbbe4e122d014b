// Descriptors as another program would see and use them.
import { execFileSync } from 'node:child_process';
import { fstatSync } from 'node:fs';
import koffi from 'koffi';
import { gate } from '../conformance/cases.js';
import { openFiles } from './open-files.js';

export const onLinux = gate(
  process.platform === 'linux',
  "the built-in kernel is Linux's",
);

/** Higher numbers than a test ever has. */
const MOST = 4096;

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** How many descriptors this process has open. */
export function openCount(): number {
  // Elsewhere /dev/fd has the first three only.
  if (['linux', 'darwin'].includes(process.platform)) {
    return openFiles().length;
  }
  return Array.from({ length: MOST }, (_, fd) => fd).filter(isOpen).length;
}

/** How many it may have; Node raises its own limit to this one. */
export function openLimit(): number {
  const said = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'latin1' });
  return Number(said) || Number.POSITIVE_INFINITY;
}

type Native = (...args: number[]) => number;

/** The calls of epoll: only Linux has them. */
function bindEpoll() {
  const libc = koffi.load(null);
  const bind = (name: string, args: string[]): Native =>
    libc.func(name, 'int', args);
  return {
    create: bind('epoll_create1', ['int']),
    control: bind('epoll_ctl', ['int', 'int', 'int', 'uintptr_t']),
    wait: bind('epoll_wait', ['int', 'uintptr_t', 'int', 'int']),
  };
}

let bound: ReturnType<typeof bindEpoll> | undefined;

function epoll(): ReturnType<typeof bindEpoll> {
  bound ??= bindEpoll();
  return bound;
}

const memory = new ArrayBuffer(256);
const address = Number(koffi.address(memory));

const CLOEXEC = 0x80000;
const ADD = 1;
const IN = 1;
const EDGE = 1 << 31;

/** An epoll of other code, which watches one descriptor. */
export function watch(fd: number, { edge = false } = {}): number {
  const ep: number = epoll().create(CLOEXEC);
  const event = new DataView(memory);
  event.setInt32(0, edge ? IN | EDGE : IN, true);
  if (epoll().control(ep, ADD, fd, address) < 0) throw new Error('epoll_ctl');
  return ep;
}

/** Whether its descriptor is ready, or becomes ready in time. */
export const isReported = (ep: number, ms = 0): boolean =>
  epoll().wait(ep, address, 1, ms) === 1;
