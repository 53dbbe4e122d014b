import { readlinkSync } from 'node:fs';
import { exitsOfProcess } from './exits.js';
import { koffi } from './koffi.js';
import type { Libc } from './libc.js';
import { type NativeFunction, openLibrary } from './library.js';
import { type NativeBlock, nativeBlock } from './native-block.js';
import { realProcess } from './real-process.js';

/** Linux's numbers. */
const EINTR = 4;
const ENOMEM = 12;
const CLOEXEC = 0x80000;
const NONBLOCK = 0x800;
const SPLICE_F_NONBLOCK = 2;
/** `{ uv_signal_t *handle; int signum; }`, padded. */
const MESSAGE_BYTES = 16;
const BUFFER_BYTES = 65536;
const FIONREAD = 0x541b;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
/** Space for 16384 messages. */
const PIPE_BYTES = 262144;
/**
 * With more messages the pipe is emptied, because each check copies its
 * contents.
 */
const LOOK_BYTES = 1024;
/** A write of up to PIPE_BUF bytes is atomic. */
const WRITE_BYTES = 4096;
/**
 * The maximum number of reads, in case signals arrive as fast as they are read.
 */
const MAX_READS = 64;
/** With more runs their order is not kept, to limit memory. */
const MAX_RUNS = 65536;
/** libuv's watch of the pipe has its descriptor within so many words. */
const WATCH_WORDS = 26;

/** A message of the pipe: a signal, and the watch that it is for. */
export interface SignalMessage {
  readonly signal: number;
  readonly watch: number;
}

/** Called when another copy of this package changes the pipe. */
export interface SignalCounter {
  /** It took messages out. They are not in the pipe for this copy any more. */
  onTaken(messages: readonly SignalMessage[]): void;
  /** It put messages back that it had taken out. */
  onPutBack(messages: readonly SignalMessage[]): void;
}

const KEY = Symbol.for('kqueue-ffi.signal-counters');

/** The counters of this process. Realms and copies of this package share the set. */
function countersOfProcess(): Set<SignalCounter> {
  const process = realProcess() as NodeJS.Process & {
    [KEY]?: Set<SignalCounter>;
  };
  const known = process[KEY];
  if (known !== undefined) return known;
  const counters = new Set<SignalCounter>();
  Object.defineProperty(process, KEY, { value: counters });
  return counters;
}

/** A run of equal messages that were taken out. */
interface Run {
  readonly words: readonly number[];
  count: number;
}

/**
 * The pipe through which libuv's signal handler notifies the main loop. It
 * holds the signals whose listeners have not been called yet. tee(2) shows them
 * without consuming them. When the pipe is full, libuv drops signals. A program
 * that never returns to the loop would fill it. So if there are many messages,
 * they are taken out, held here, and put back in the loop's next turn, for
 * their listeners.
 */
export class SignalPipe {
  /** The end that the loop reads. Poll it, but never read it. */
  readonly fd: number;
  /** The end that libuv's handler writes to. */
  readonly #writer: number;
  /** While the process ends, libuv waits for its messages: none is taken out. */
  readonly #exits = exitsOfProcess();
  /** Put back as many messages as fit. */
  readonly #onExit = (): void => {
    this.putBack();
  };
  /** Messages that were taken out, oldest first. */
  #held: Run[] = [];
  readonly #libc: Libc;
  readonly #buffer: NativeBlock = nativeBlock(BUFFER_BYTES);
  readonly #loop: number;
  readonly #loopBytes: number;
  /**
   * Whether the watch of a pending message still exists: libuv frees none
   * before its messages were read.
   */
  readonly isActive: (handle: number) => boolean;
  readonly #counters = countersOfProcess();
  readonly #counter: SignalCounter;

  private constructor(
    libc: Libc,
    [fd, writer]: readonly [number, number],
    loop: number,
    loopBytes: number,
    isActive: NativeFunction,
    counter: SignalCounter,
  ) {
    this.#libc = libc;
    this.#counter = counter;
    this.#counters.add(counter);
    this.#exits.acts.add(this.#onExit);
    this.fd = fd;
    this.#writer = writer;
    this.#loop = loop;
    this.#loopBytes = loopBytes;
    this.isActive = (handle) => isActive(handle) !== 0;
  }

  /**
   * Find the pipe of the main thread's loop. Returns `undefined` if libuv is
   * not visible in the program. There must have been a signal listener already.
   */
  static find(libc: Libc, counter: SignalCounter): SignalPipe | undefined {
    // Bun exports these functions too, and ends the process when one is called.
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
    // Find two adjacent descriptors in the loop that are the ends of one pipe,
    // followed by the watch of the first. Other numbers in the loop may by
    // chance be those of a pipe, but are not watched there.
    for (let i = 0; i + 1 < words.length; i++) {
      const [reader, writer] = [words[i], words[i + 1]];
      const isWatched = words.subarray(i + 2, i + WATCH_WORDS).includes(reader);
      if (!isWatched || !areEnds(libc, reader, writer)) continue;
      const ends = [reader, writer] as const;
      if (libc.fcntl(writer, F_GETPIPE_SZ, 0) < PIPE_BYTES) {
        libc.fcntl(writer, F_SETPIPE_SZ, PIPE_BYTES);
      }
      return new SignalPipe(libc, ends, loop, bytes, isActive, counter);
    }
    return undefined;
  }

  /** Whether messages were taken out that must be put back. */
  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /**
   * The messages in the pipe, oldest first. They are taken out if there are many,
   * if they cannot be copied, or if `takes` requests it.
   */
  read(takes = false): {
    readonly messages: readonly SignalMessage[];
    readonly areTaken: boolean;
  } {
    const { i32, address } = this.#libc.scratch;
    const isAsked = this.#libc.ioctl(this.fd, FIONREAD, address) >= 0;
    if (isAsked && i32[0] === 0) return { messages: [], areTaken: takes };
    const isMuch = takes || i32[0] > LOOK_BYTES;
    const mayTake = isAsked && !this.#exits.exiting;
    const copies = mayTake && isMuch ? undefined : this.#copyMessages();
    if (copies !== undefined || !mayTake) {
      return { messages: copies ?? [], areTaken: false };
    }
    const messages = this.#take();
    for (const counter of this.#others()) counter.onTaken(messages);
    return { messages, areTaken: true };
  }

  /** The counters of other copies of this package. */
  #others(): readonly SignalCounter[] {
    return [...this.#counters].filter((each) => each !== this.#counter);
  }

  /** The messages, without taking any; `undefined` if they cannot be copied. */
  #copyMessages(): readonly SignalMessage[] | undefined {
    const { address } = this.#buffer;
    const libc = this.#libc;
    // One pipe per copy: other code could close a kept one.
    if (libc.pipe(libc.scratch.address, CLOEXEC | NONBLOCK) < 0) {
      return undefined;
    }
    const [copyOut, copyIn] = libc.scratch.i32;
    const copied = again(libc, () =>
      libc.tee(this.fd, copyIn, BUFFER_BYTES, SPLICE_F_NONBLOCK),
    );
    const bytes =
      copied > 0
        ? again(libc, () => libc.read(copyOut, address, BUFFER_BYTES))
        : 0;
    libc.close(copyIn);
    libc.close(copyOut);
    return this.#messagesIn(bytes);
  }

  /** Take the messages out of the pipe, and hold them. */
  #take(): readonly SignalMessage[] {
    const { i32, address } = this.#buffer;
    const libc = this.#libc;
    const taken: SignalMessage[] = [];
    for (let round = 0; round < MAX_READS; round++) {
      const bytes = again(libc, () =>
        libc.read(this.fd, address, BUFFER_BYTES),
      );
      if (bytes <= 0) break;
      for (let at = 0; at + MESSAGE_BYTES <= bytes; at += MESSAGE_BYTES) {
        this.#hold(i32.subarray(at >> 2, (at + MESSAGE_BYTES) >> 2));
      }
      for (const message of this.#messagesIn(bytes)) taken.push(message);
      if (bytes < BUFFER_BYTES) break;
    }
    return taken;
  }

  #hold(words: Int32Array): void {
    const held = this.#held;
    const isSame = (run: Run | undefined): run is Run =>
      run?.words.every((word, i) => word === words[i]) === true;
    let run = held.at(-1);
    if (!isSame(run)) {
      run = held.length < MAX_RUNS ? undefined : held.find(isSame);
    }
    if (run === undefined) held.push({ words: [...words], count: 1 });
    else run.count++;
  }

  /** The messages in the buffer, except those for libuv itself. */
  #messagesIn(bytes: number): readonly SignalMessage[] {
    const { i32, u32 } = this.#buffer;
    const messages: SignalMessage[] = [];
    for (let at = 0; at + MESSAGE_BYTES <= bytes; at += MESSAGE_BYTES) {
      const word = at >> 2;
      const watch = u32[word] + u32[word + 1] * 2 ** 32;
      if (!this.#isLoops(watch)) {
        messages.push({ signal: i32[word + 2], watch });
      }
    }
    return messages;
  }

  /** libuv's own watch for children is part of the loop itself. */
  #isLoops(handle: number): boolean {
    return handle >= this.#loop && handle < this.#loop + this.#loopBytes;
  }

  /**
   * Put messages back for the loop to read, oldest first, and leave half of the
   * pipe free for new ones. Returns them.
   */
  putBack(): readonly SignalMessage[] {
    const all: SignalMessage[] = [];
    const { i32, address } = this.#buffer;
    const libc = this.#libc;
    const capacity = libc.fcntl(this.#writer, F_GETPIPE_SZ, 0);
    let room = this.#exits.exiting ? capacity : capacity / 2;
    while (this.#held.length > 0 && room >= WRITE_BYTES) {
      let bytes = 0;
      const written: Run[] = [];
      for (const run of this.#held) {
        const left = (WRITE_BYTES - bytes) / MESSAGE_BYTES;
        const count = Math.min(left, run.count);
        for (let i = 0; i < count; i++, bytes += MESSAGE_BYTES) {
          i32.set(run.words, bytes >> 2);
        }
        written.push({ ...run, count });
        if (bytes === WRITE_BYTES) break;
      }
      if (again(libc, () => libc.write(this.#writer, address, bytes)) < 0) {
        break;
      }
      room -= bytes;
      for (const message of this.#messagesIn(bytes)) all.push(message);
      this.#drop(written);
    }
    if (all.length > 0) {
      for (const counter of this.#others()) counter.onPutBack(all);
    }
    return all;
  }

  /** Other copies of this package need not notify this one any more. */
  close(): void {
    this.#counters.delete(this.#counter);
    this.#exits.acts.delete(this.#onExit);
  }

  /** Drop the first of the held messages. */
  #drop(written: readonly Run[]): void {
    let done = 0;
    for (const [i, { count }] of written.entries()) {
      this.#held[i].count -= count;
      if (this.#held[i].count === 0) done++;
    }
    this.#held.splice(0, done);
  }
}

/** Repeat a call that a signal or lack of memory interrupted. */
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
