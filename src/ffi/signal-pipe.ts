import { readlinkSync } from 'node:fs';
import { koffi } from './koffi.js';
import type { Libc } from './libc.js';
import { type NativeFunction, openLibrary } from './library.js';
import { type NativeBlock, nativeBlock } from './native-block.js';

/** Linux's numbers. */
const EINTR = 4;
const ENOMEM = 12;
const CLOEXEC = 0x80000;
const NONBLOCK = 0x800;
const SPLICE_F_NONBLOCK = 2;
/** `{ uv_signal_t *handle; int signum; }`, padded. */
const MESSAGE_BYTES = 16;
const BUFFER_BYTES = 65536;
/** Within so many words libuv's watch of the pipe names its descriptor. */
const WATCH_WORDS = 26;

/** Told of each message: the signal, and the watch of Node's it is for. */
type Visit = (signal: number, handle: number) => void;

/**
 * The pipe through which libuv's signal handler tells the main loop what was
 * caught. It holds the signals that no listener has been called for yet, and
 * can be looked at without taking anything out: tee(2).
 */
export class SignalPipe {
  /** The end the loop reads: poll it, never read it. */
  readonly fd: number;
  readonly #libc: Libc;
  readonly #copyIn: number;
  readonly #copyOut: number;
  readonly #buffer: NativeBlock = nativeBlock(BUFFER_BYTES);
  readonly #loop: number;
  readonly #loopBytes: number;
  /**
   * Whether a watch of which a message waits goes on: libuv frees none before
   * its messages were read.
   */
  readonly isActive: (handle: number) => boolean;

  private constructor(
    libc: Libc,
    fd: number,
    copy: readonly [number, number],
    loop: number,
    loopBytes: number,
    isActive: NativeFunction,
  ) {
    this.#libc = libc;
    this.fd = fd;
    [this.#copyOut, this.#copyIn] = copy;
    this.#loop = loop;
    this.#loopBytes = loopBytes;
    this.isActive = (handle) => isActive(handle) !== 0;
  }

  /**
   * Find the pipe of the main thread's loop: `undefined` where the program's
   * libuv is not visible, -1 and errno where there is no room to look into it.
   * There must have been a signal listener already.
   */
  static find(libc: Libc): SignalPipe | undefined | -1 {
    // Bun has these functions too, and ends the process when one is called.
    if ('Bun' in globalThis) return undefined;
    const node = openLibrary(null);
    const loopOf = node.func('uv_default_loop', 'uintptr_t', []);
    const sizeOf = node.func('uv_loop_size', 'size_t', []);
    const isActive = node.func('uv_is_active', 'int', ['uintptr_t']);
    if (!loopOf || !sizeOf || !isActive) return undefined;
    const loop = loopOf();
    const bytes = sizeOf();
    if (loop === 0 || bytes <= 0 || bytes > 65536) return undefined;
    const words: Int32Array = koffi().decode(
      BigInt(loop),
      'int32_t',
      bytes >> 2,
    );
    // Two descriptors side by side in the loop that are the ends of one pipe,
    // with the watch of the first right behind. Other numbers of the loop may
    // by chance be those of a pipe, but are not watched there.
    for (let i = 0; i + 1 < words.length; i++) {
      const [reader, writer] = [words[i], words[i + 1]];
      const isWatched = words.subarray(i + 2, i + WATCH_WORDS).includes(reader);
      if (!isWatched || !areEnds(libc, reader, writer)) continue;
      const { i32, address } = libc.scratch;
      if (libc.pipe(address, CLOEXEC | NONBLOCK) < 0) return -1;
      const copy = [i32[0], i32[1]] as const;
      return new SignalPipe(libc, reader, copy, loop, bytes, isActive);
    }
    return undefined;
  }

  /** Close what was opened to look; the loop's own ends stay. */
  close(): void {
    this.#libc.close(this.#copyIn);
    this.#libc.close(this.#copyOut);
  }

  /** Look at all that waits in the pipe, oldest first. */
  visit(visit: Visit): void {
    const { i32, u32, address } = this.#buffer;
    const libc = this.#libc;
    const copied = again(libc, () =>
      libc.tee(this.fd, this.#copyIn, BUFFER_BYTES, SPLICE_F_NONBLOCK),
    );
    if (copied <= 0) return;
    // What stays in the copy would be taken for new messages next time.
    const bytes = again(libc, () =>
      libc.read(this.#copyOut, address, BUFFER_BYTES),
    );
    for (let at = 0; at + MESSAGE_BYTES <= bytes; at += MESSAGE_BYTES) {
      const word = at >> 2;
      const handle = u32[word] + u32[word + 1] * 2 ** 32;
      // libuv's own watch for children is part of the loop itself.
      const isLoops =
        handle >= this.#loop && handle < this.#loop + this.#loopBytes;
      if (!isLoops) visit(i32[word + 2], handle);
    }
  }
}

/** Call once more if a signal, or want of memory, was in the way. */
function again(libc: Libc, call: () => number): number {
  const result = call();
  if (result >= 0) return result;
  const errno = libc.errno();
  return errno === EINTR || errno === ENOMEM ? call() : result;
}

function areEnds(libc: Libc, reader: number, writer: number): boolean {
  const isFd = (fd: number) => fd > 2 && fd < 65536;
  if (!isFd(reader) || !isFd(writer) || reader === writer) return false;
  const F_GETFL = 3;
  const O_ACCMODE = 3;
  const flags = libc.fcntl(reader, F_GETFL, 0);
  const other = libc.fcntl(writer, F_GETFL, 0);
  if (flags < 0 || (flags & O_ACCMODE) !== 0) return false;
  if (other < 0 || (other & O_ACCMODE) !== 1) return false;
  try {
    const path = readlinkSync(`/proc/self/fd/${reader}`);
    const same = readlinkSync(`/proc/self/fd/${writer}`) === path;
    return same && path.startsWith('pipe:');
  } catch {
    return false;
  }
}
