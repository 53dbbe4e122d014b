import { closeSync, openSync, readSync } from 'node:fs';
import { openLibrary } from './library.js';
import { type NativeBlock, nativeBlock } from './native-block.js';

const F_DUPFD_CLOEXEC = 1030;
const F_GETSIG = 11;

type Call = (...args: number[]) => number;

const isLinux = process.platform === 'linux';

/** The C calls that wake a thread, and the number 1 to write. */
interface Calls {
  readonly dup: Call;
  /** The mark of a descriptor: see Identity.mark. */
  readonly markOf: Call;
  readonly write: Call;
  readonly close: Call;
  readonly one: NativeBlock;
}

let bound: Calls | undefined;
let text: Buffer | undefined;

function bind(): Calls {
  const library = openLibrary(null);
  const { func } = library;
  const none: Call = () => -1;
  const fcntl = isLinux
    ? func('fcntl', 'int', ['int', 'int', 'intptr_t'])
    : undefined;
  const one = nativeBlock(8);
  one.i32[process.arch === 's390x' ? 1 : 0] = 1;
  return {
    // A close-on-exec duplicate. Native queues are not inherited in any case.
    dup: fcntl
      ? (fd) => fcntl(fd, F_DUPFD_CLOEXEC, 0)
      : (func('dup', 'int', ['int']) ?? none),
    markOf: fcntl ? (fd) => fcntl(fd, F_GETSIG, 0) : none,
    write: func('write', 'intptr_t', ['int', 'uintptr_t', 'size_t']) ?? none,
    close: func('close', 'int', ['int']) ?? none,
    one,
  };
}

/**
 * Bind the calls before they are needed: koffi ends the process if it binds a
 * function while the thread is being terminated.
 */
export function prepareWakes(): void {
  calls();
}

const calls = (): Calls => {
  bound ??= bind();
  return bound;
};

/** Duplicate a descriptor: -1 if that fails. */
export const dupFd = (fd: number): number => calls().dup(fd);

/** Close a descriptor of {@link dupFd}. */
export const closeFd = (fd: number): number => calls().close(fd);

/**
 * The id of an eventfd, since Linux 5.2: 0 if the descriptor has none, and -1 if
 * that cannot be read.
 */
export function eventfdId(fd: number): number {
  let info = -1;
  try {
    info = openSync(`/proc/self/fdinfo/${fd}`, 'r');
    text ??= Buffer.alloc(512);
    // Not readFileSync, which takes eight times as long.
    const bytes = readSync(info, text, 0, text.length, 0);
    const found = /^eventfd-id:\s*(\d+)$/m.exec(
      text.toString('latin1', 0, bytes),
    );
    return Number(found?.[1] ?? 0);
  } catch {
    return -1;
  } finally {
    if (info >= 0) closeSync(info);
  }
}

/**
 * Add 1 to an eventfd of another thread, unless the descriptor is now another
 * file. The other thread may close it at any moment, so a duplicate is checked
 * and written.
 *
 * @param id Its id; 0 if that is not known.
 * @param mark How it is marked.
 * @returns Whether it is that eventfd.
 */
export function writeEventfd(fd: number, id: number, mark: number): boolean {
  const { dup: dupOf, markOf, write, close, one } = calls();
  // Closing a duplicate of another file could release its locks.
  if (markOf(fd) !== mark) return false;
  const dup = dupOf(fd);
  // If no descriptor is free, use the one that was just checked.
  const eventfd = dup < 0 ? fd : dup;
  try {
    // The next eventfd may have the number and the mark, or the number and id.
    if (markOf(eventfd) !== mark) return false;
    const found = id === 0 ? -1 : eventfdId(eventfd);
    if (found >= 0 && found !== id) return false;
    // It fails only after 2**64 writes, and is readable then.
    write(eventfd, one.address, 8);
    return true;
  } finally {
    if (dup >= 0) close(dup);
  }
}
