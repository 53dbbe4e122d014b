/** Pipes and sockets by their descriptors, in number: Linux only. */
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
const closeFd = bind('close', int, [int]);

const CLOEXEC = 0x80000;
const AF_UNIX = 1;
const SOCK_STREAM = 1;

const memory = new ArrayBuffer(64);
const at = Number(koffi.address(memory));
const words = new Int32Array(memory);

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

/** How many descriptors this process may still open. */
export function descriptorsLeft(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const [, soft] = /^Max open files\s+(\d+)/m.exec(limits) ?? [];
  return Number(soft ?? 256) - 64 - made.length;
}

/** Close all that was made here. */
export function closeAll(): void {
  for (const fd of made.splice(0)) closeFd(fd);
}
