import type { Duration, FdLike, SignalName } from '../queue/index.js';
import type { EventIterator, IteratorOptions } from './event-iterator.js';
import type { ExitedOptions, ExitPromise } from './exited.js';
import type { FilePath, FileUrl } from './file-path.js';
import type { Tick } from './interval.js';
import type { ReadReady, WriteReady } from './readiness.js';
import type { SignalCount } from './signals.js';
import type {
  DirectoryEvent,
  DirectoryOptions,
  EntryKind,
} from './watch-directory.js';
import type { FileEvent } from './watch-file.js';

export type {
  DirectoryEvent,
  DirectoryOptions,
  EntryKind,
  EventIterator,
  ExitedOptions,
  ExitPromise,
  FileEvent,
  FilePath,
  FileUrl,
  IteratorOptions,
  ReadReady,
  SignalCount,
  Tick,
  WriteReady,
};

const loadHelpers = (): typeof import('./helpers.js') =>
  require('./helpers.js') as typeof import('./helpers.js');

/**
 * Wait for a process to exit. It does not have to be a child, and its parent still
 * receives its exit status.
 *
 * All waits share one queue. A pending wait keeps the process alive.
 *
 * @param pid The process id.
 * @returns A promise of the exit code or signal. Both are null if the kernel does
 * not report the exit status. On Darwin it does not for a zombie that is not your
 * child, or a process that you may not signal. On Linux before 6.15 it does not
 * for a process that its parent has already reaped.
 * @throws {TypeError | RangeError} If an argument is invalid. All errors are
 * rejections.
 * @throws {KqueueError} `ESRCH` if there is no such process; `ETIMEDOUT` if the
 * time ran out; `ERR_KQUEUE_CLOSED` if the promise was disposed of; others as
 * {@link Kqueue.add}, such as `EMFILE`.
 * @throws The reason of an aborted `signal`.
 *
 * @example
 * ```ts
 * import { spawn } from 'node:child_process';
 * import { exited } from 'kqueue-ffi';
 *
 * const { pid = 0 } = spawn('sh', ['-c', 'exit 3']);
 * const { code, signal } = await exited(pid, { timeout: 5000 });
 * console.log(code, signal); // 3 null
 * ```
 */
export function exited(pid: number, options: ExitedOptions = {}): ExitPromise {
  return loadHelpers().exited(pid, options);
}

/**
 * Tick at a fixed period. On Darwin, FreeBSD and Linux the kernel keeps the phase,
 * so the interval does not drift, however long the loop body takes. A slow loop
 * gets one tick that says how many it missed.
 *
 * NetBSD, OpenBSD and DragonFly round timers up to ticks of their clock, by default
 * 10 ms. There each tick has its own timer: it may be up to 20 ms late, but the ticks
 * do not drift and `count` is exact.
 *
 * @param every The period, more than 0: milliseconds, fractions allowed, or
 * `{ s }`, `{ ms }`, `{ us }` or `{ ns }`. The first period begins with the call.
 * @throws {TypeError | RangeError} If an argument is invalid.
 * @throws {KqueueError} As {@link kqueue}, such as `EMFILE`.
 *
 * @example
 * ```ts
 * import { interval } from 'kqueue-ffi';
 *
 * for await (const { count, missed } of interval(50)) {
 *   console.log(count, missed);
 *   if (count >= 3) break;
 * }
 * ```
 */
export function interval(
  every: Duration,
  options: IteratorOptions = {},
): EventIterator<Tick> {
  return loadHelpers().interval(every, options);
}

/**
 * Report when a descriptor is readable. The iterator is level-triggered: until you
 * read the data, every iteration reports it again. After `eof` it ends once
 * everything is read. kqueue reports no EOF of a named FIFO on Darwin and Linux, so
 * a pending call polls it with poll(2) as well, ten times a second.
 *
 * Nothing is registered between calls, so `await readable(fd).next()` is fine.
 * Close the iterator before the descriptor: no kernel reports a close to a pending
 * wait. Node.js reads some descriptors itself, such as a socket with a `data`
 * listener or the output of a child. Their data is usually gone before you see it.
 *
 * A file that is truncated below the position has a negative `available`, in every
 * iteration. A sparse file may be larger than memory: read into a buffer of a fixed
 * size.
 *
 * @param fd A descriptor, or an object that has one, such as a socket.
 * @throws {TypeError | RangeError} If `fd` is not a descriptor.
 * @throws {KqueueError} In the loop: `EBADF` if the descriptor is closed; others
 * as {@link Kqueue.add}.
 *
 * @example
 * ```ts
 * import { readSync } from 'node:fs';
 * import { readable } from 'kqueue-ffi';
 *
 * const buffer = Buffer.alloc(65536);
 * for await (const { fd, available } of readable(0)) {
 *   if (available <= 0) continue; // end of file
 *   console.log(buffer.toString('utf8', 0, readSync(fd, buffer)));
 * }
 * ```
 */
export function readable(
  fd: FdLike,
  options: IteratorOptions = {},
): EventIterator<ReadReady> {
  return loadHelpers().readable(fd, options);
}

/**
 * Report when a descriptor has space to write. It works like {@link readable}.
 * `eof` means that the other side reads no more; that iteration is the last.
 *
 * @param fd A descriptor, or an object that has one, such as a socket.
 * @throws As {@link readable}.
 *
 * @example
 * ```ts
 * import { writable } from 'kqueue-ffi';
 *
 * const { value } = await writable(1).next();
 * console.log(value?.space);
 * ```
 */
export function writable(
  fd: FdLike,
  options: IteratorOptions = {},
): EventIterator<WriteReady> {
  return loadHelpers().writable(fd, options);
}

/**
 * Report signals that are sent to this process, with a count.
 *
 * While the iterator is open, the default action of its signals is suspended: they
 * do not end the process. Listeners of `process.on` still run. Closing the
 * iterator restores the default action.
 *
 * @param args One or more signals, by name or number; then options.
 * @throws {TypeError | RangeError} If there is no signal, or one that is unknown
 * or cannot be caught.
 * @throws {KqueueError} As {@link Kqueue.add}; on Linux `ENOTSUP` in a worker
 * thread, because Node.js delivers signals only to the main thread.
 *
 * @example
 * ```ts
 * import { signals } from 'kqueue-ffi';
 *
 * using hangups = signals('SIGHUP', 'SIGUSR2');
 * process.kill(process.pid, 'SIGHUP');
 * for await (const { signal, count } of hangups) {
 *   console.log(signal, count); // SIGHUP 1
 *   break;
 * }
 * ```
 */
export function signals(
  ...args: readonly (SignalName | number)[]
): EventIterator<SignalCount>;
export function signals(
  ...args: readonly [
    ...signals: (SignalName | number)[],
    options: IteratorOptions,
  ]
): EventIterator<SignalCount>;
export function signals(
  ...args: readonly (SignalName | number | IteratorOptions)[]
): EventIterator<SignalCount> {
  return loadHelpers().signals(...args);
}

/**
 * Follow a path across renames: report when its file is written, replaced, deleted
 * or created. The file does not have to exist yet, and nothing is polled.
 *
 * Each event is the difference between the last event and the current state. A
 * slow consumer gets fewer events, but misses no change: if you read the file
 * after an event, later writes are reported again. The state at the time of the
 * call is not reported.
 *
 * The iterator holds one descriptor: of the file or, while the file is missing, of
 * the nearest existing directory above. It holds one more for each symbolic link
 * on the path. If a directory above is renamed, nothing is reported until the file
 * itself changes.
 *
 * @param path A path, a Buffer for a name that is not UTF-8, or a `file:` URL. For
 * a directory, `changed` means that an entry was added or removed.
 * @throws {TypeError} If it is not a path.
 * @throws The error of `node:fs`: `EACCES` from the call; others, such as `EMFILE`,
 * from the call or later in the loop. `ENOTDIR` if the path of a file ends with a
 * slash. A file that becomes unreadable later counts
 * as missing until it can be read again.
 * @throws {KqueueError} As {@link Kqueue.add}.
 *
 * @example
 * ```ts
 * import { renameSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { watchFile } from 'kqueue-ffi';
 *
 * const path = join(tmpdir(), `settings-${process.pid}.json`);
 * using events = watchFile(path); // the file does not exist yet
 * writeFileSync(path, '{}');
 * console.log(await events.next()); // created
 * writeFileSync(`${path}.new`, '{"a":1}');
 * renameSync(`${path}.new`, path);
 * console.log(await events.next()); // replaced
 * rmSync(path);
 * console.log(await events.next()); // deleted
 * ```
 */
export function watchFile(
  path: FilePath,
  options: IteratorOptions = {},
): EventIterator<FileEvent> {
  return loadHelpers().watchFile(path, options);
}

/**
 * Report entries of a directory that are added, removed or changed. Entries that
 * exist at the time of the call are not reported.
 *
 * When the kernel reports a change, the helper compares the listing with the last
 * one. An entry that appeared and disappeared in between is not reported. A slow
 * consumer gets fewer events, but misses no difference.
 *
 * The directory may be missing at first, or be removed and made again. A symbolic
 * link to a directory is followed, also when it is switched to another directory.
 *
 * The iterator holds descriptors as {@link watchFile} does. By default it notices a
 * changed file only when an entry is added, removed or replaced. With
 * `files: true` it also opens each regular file, up to 1,000, and reports writes.
 * On Linux it leaves out files that this process may not read.
 *
 * @param path A path, a Buffer for a name that is not UTF-8, or a `file:` URL.
 * @throws {TypeError | RangeError} If an argument is invalid.
 * @throws The error of `node:fs`, such as `ENOTDIR` or `EACCES`, from the call or
 * later in the loop.
 * @throws {KqueueError} `EMFILE` if there are more files than `files` allows;
 * others as {@link Kqueue.add}.
 *
 * @example
 * ```ts
 * import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { watchDirectory } from 'kqueue-ffi';
 *
 * const folder = mkdtempSync(join(tmpdir(), 'inbox-'));
 * using events = watchDirectory(folder);
 * writeFileSync(join(folder, 'letter.txt'), 'hello');
 * const { value } = await events.next();
 * console.log(value?.type, value?.name, value?.kind); // added letter.txt file
 * rmSync(folder, { recursive: true });
 * ```
 */
export function watchDirectory(
  path: FilePath,
  options: DirectoryOptions = {},
): EventIterator<DirectoryEvent> {
  return loadHelpers().watchDirectory(path, options);
}
