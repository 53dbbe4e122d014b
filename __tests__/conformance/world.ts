// Real objects with plain descriptor numbers, made synchronously, each one
// closed again when its test ends.
import { spawn } from 'node:child_process';
import {
  constants,
  mkdtempSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { constants as os, tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  kernel,
  kevent,
  close as libraryClose,
  kqueue as libraryKqueue,
} from '../../src/index.js';
import { openFiles } from '../support/open-files.js';
import { EV_ADD, EV_CLEAR, EVFILT_READ, EVFILT_WRITE } from './constants.js';
import * as libc from './libc.js';

const { O_NOCTTY, O_RDWR } = constants;

const queues = new Set<number>();
const others = new Set<number>();
let folder: string | undefined;

const track = (fd: number): number => {
  others.add(fd);
  return fd;
};
const trackPair = (pair: [number, number]): [number, number] => {
  pair.forEach(track);
  return pair;
};

/** Take over a descriptor that was made elsewhere. */
export const adopt = track;

/** Forget one that was closed elsewhere. */
export function forget(fd: number): void {
  queues.delete(fd);
  others.delete(fd);
}

export function kqueue(): number {
  const kq = libraryKqueue();
  queues.add(kq);
  return kq;
}

/** Take over a number of a queue: the library's to close. */
export function adoptQueue(fd: number): void {
  others.delete(fd);
  queues.add(fd);
}

/** dup(2) of a queue: a second number of the same queue. */
export function dupQueue(kq: number): number {
  const fd = libc.dup(kq);
  queues.add(fd);
  return fd;
}

/** The library's close: what portable scripts use. */
export function close(fd: number): void {
  forget(fd);
  libraryClose(fd);
}

/** Close behind the library's back, as other code in the process would. */
export function closeElsewhere(fd: number): void {
  forget(fd);
  libc.close(fd);
}

export const pipe = (): [number, number] => trackPair(libc.pipe());
export const socketpair = (type?: number): [number, number] =>
  trackPair(libc.socketpair(type));
export const dup = (fd: number): number => track(libc.dup(fd));
export const dup2 = (fd: number, to: number): number =>
  track(libc.dup2(fd, to));
export const inetSocket = (type?: number): number =>
  track(libc.inetSocket(type));
export const unixSocket = (type?: number): number =>
  track(libc.unixSocket(type));
export const accept = (fd: number): number => track(libc.accept(fd));

/** A TCP socket that listens on a free loopback port. */
export function tcpListener(): { fd: number; port: number } {
  const fd = inetSocket();
  libc.bindTo(fd, 0);
  libc.listen(fd);
  return { fd, port: libc.portOf(fd) };
}

/** A connected TCP client. */
export function tcpClient(port: number): number {
  const fd = inetSocket();
  libc.connect(fd, port);
  return fd;
}

/** Two ends of one TCP connection over loopback. */
export function tcpPair(): [number, number] {
  const { fd, port } = tcpListener();
  const client = tcpClient(port);
  const server = accept(fd);
  closeElsewhere(fd);
  return [client, server];
}

/** An unused loopback port. */
export function closedPort(): number {
  const { fd, port } = tcpListener();
  closeElsewhere(fd);
  return port;
}

/** Two UDP sockets that send to each other. */
export function udpPair(): [number, number] {
  const a = inetSocket(libc.SOCK_DGRAM);
  const b = inetSocket(libc.SOCK_DGRAM);
  libc.bindTo(a, 0);
  libc.bindTo(b, 0);
  libc.connect(a, libc.portOf(b));
  libc.connect(b, libc.portOf(a));
  return [a, b];
}

/** A pseudo-terminal: its master, and its slave in canonical mode. */
export function terminal(): { master: number; slave: number } {
  const { master, slavePath } = libc.openMaster();
  track(master);
  return { master, slave: open(slavePath, O_RDWR | O_NOCTTY) };
}

/** A path inside this test's own folder. */
export function path(name: string): string {
  folder ??= mkdtempSync(join(tmpdir(), 'kqueue-ffi-'));
  return join(folder, name);
}

export const open = (file: string, flags: string | number): number =>
  track(openSync(file, flags));

/** A file of that many bytes, open for reading at its start. */
export function file(size: number, name = 'file'): { fd: number; at: string } {
  const at = path(name);
  writeFileSync(at, Buffer.alloc(size));
  return { fd: open(at, 'r'), at };
}

/** A named FIFO with both ends open. */
export function fifo(): [number, number] {
  const at = path('fifo');
  libc.mkfifo(at);
  // Read and write first: each end alone would wait for the other.
  const both = openSync(at, 'r+');
  const ends: [number, number] = [open(at, 'r'), open(at, 'w')];
  libc.close(both);
  return ends;
}

/** A child process that exits on request. */
export interface Child {
  readonly pid: number;
  /** End with that exit code, or by that signal; when it has, this returns. */
  end(how: number | NodeJS.Signals): void;
}

const children = new Set<Child>();

/** An unused pid. */
export function unusedPid(): number {
  for (let pid = 32_000; pid > 20_000; pid--) {
    if (!libc.isProcess(pid)) return pid;
  }
  throw new Error('every number is a process');
}

/** Start a child. Node's own loop waits for it, once the test has ended. */
export function child(): Child {
  const [r, w] = pipe();
  const { pid } = spawn('sh', ['-c', 'read code; exit $code'], {
    stdio: [r, 'ignore', 'ignore'],
  });
  if (pid === undefined) throw new Error('no child could be started');
  closeElsewhere(r);
  const self: Child = {
    pid,
    end(how) {
      children.delete(self);
      if (typeof how === 'number') libc.writeText(w, `${how}\n`);
      else libc.kill(pid, os.signals[how]);
      libc.waitForEnd(pid);
    },
  };
  children.add(self);
  return self;
}

/** A child of a child, which its parent waits for. */
export function grandchild(): { pid: number; end(code: number): void } {
  const [inR, inW] = pipe();
  const [outR, outW] = pipe();
  const script = '(read code <&3; exit $code) & echo $!; wait';
  const { pid } = spawn('sh', ['-c', script], {
    stdio: ['ignore', outW, 'ignore', inR],
  });
  if (pid === undefined) throw new Error('no child could be started');
  const text = Buffer.alloc(32);
  const size = readSync(outR, text);
  return {
    pid: Number(text.toString('latin1', 0, size)),
    end(code) {
      libc.writeText(inW, `${code}\n`);
      libc.waitForEnd(pid);
    },
  };
}

// Jest provides a copy of `process` that receives no signals; Node's own
// functions belong to the realm with the real one.
const NodeFunction = readlinkSync.constructor as FunctionConstructor;
const realProcess: NodeJS.Process = new NodeFunction('return process')();

const caught: [NodeJS.Signals, () => void][] = [];

/** Catch a signal through Node until the test ends: how often it came. */
export function catchSignal(signal: NodeJS.Signals): () => number {
  let count = 0;
  const listener = (): void => {
    count++;
  };
  realProcess.on(signal, listener);
  caught.push([signal, listener]);
  return () => count;
}

/** Send this process a signal; it has arrived when this returns. */
export function signal(name: NodeJS.Signals): void {
  libc.kill(process.pid, os.signals[name]);
}

const nap = new Int32Array(new SharedArrayBuffer(4));

/** Block this thread, as a program that is busy elsewhere does. */
export function sleep(ms: number): void {
  Atomics.wait(nap, 0, 0, ms);
}

/** Close all that is still open; queues first, so that no one is watching. */
export function dispose(): void {
  for (const { end } of children) end('SIGKILL');
  for (const kq of queues) libraryClose(kq);
  queues.clear();
  for (const [name, listener] of caught.splice(0)) {
    realProcess.off(name, listener);
  }
  for (const fd of others) libc.close(fd);
  others.clear();
  if (folder !== undefined) rmSync(folder, { recursive: true });
  folder = undefined;
}

/** Every open descriptor and its kind, or undefined if unknown. */
export function descriptors(): string[] | undefined {
  if (process.platform !== 'linux') return undefined;
  return openFiles()
    .map(([fd, path]) => `${fd} ${path}`)
    .sort();
}

/**
 * Use each kind of source once, so that the library has opened its permanent
 * descriptors.
 */
function warmUp(): void {
  const kq = kqueue();
  const [r, w] = pipe();
  const ident = { flags: EV_ADD | EV_CLEAR };
  kevent(
    kq,
    [
      { ...ident, ident: r, filter: EVFILT_READ },
      { ...ident, ident: w, filter: EVFILT_WRITE },
    ],
    null,
  );
  dispose();
}

/** Isolate each test of this file, and fail one that leaks. */
export function isolate(): void {
  let known: ReadonlySet<string> | undefined;
  beforeAll(() => {
    warmUp();
    known = new Set(descriptors());
  });
  afterEach(dispose);
  afterAll(() => {
    // Descriptors of another library are not counted.
    if (kernel.name !== 'linux') return;
    // The test runner may have closed its own descriptors meanwhile.
    const opened = (descriptors() ?? []).filter((line) => !known?.has(line));
    if (known !== undefined) expect(opened).toEqual([]);
  });
}
